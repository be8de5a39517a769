import { uuidV5 } from '../../lib/uuid.ts';
import { judgePolicy } from '../../model/backup/policy.ts';
import type { BackupSchedule } from '../../model/backup/schedule.ts';
import type { Image } from '../../model/image.ts';
import type { Notification } from '../../model/ports/notifier.ts';
import { ownerOf, type SchedulerContext } from './context.ts';
import type { CoveredInstance, FindCovered } from './select-due-instances.ts';

/** A look reads the record of every backup: seldom while all is well, often enough to see that it is well again. */
const LOOK_MS = 600_000;
const WORRIED_LOOK_MS = 60_000;

/** A schedule that demands something, one of its instances, and the newest backup that it has. */
interface Watched {
  readonly schedule: BackupSchedule;
  readonly instance: CoveredInstance;
  readonly newest: Image | null;
}

interface Look {
  readonly atMs: number;
  /** Ids of the schedules that it was for. */
  readonly scope: string;
  readonly watched: readonly Watched[];
}

export type WatchPolicies = (
  schedules: readonly BackupSchedule[],
  parts: { readonly now: Date; readonly findCovered: FindCovered },
) => Promise<void>;

/** Tells once of each instance whose backups are not what a schedule demands, until they are again. */
export function createPolicyWatch(context: SchedulerContext): WatchPolicies {
  const { metrics, log, tell } = context;
  const overdue = new Set<string>();
  /** Of instances that had no run yet: a machine of today is not overdue because its schedule is of last year. */
  const firstSeen = new Map<string, string>();
  let look: Look = { atMs: Number.NEGATIVE_INFINITY, scope: '', watched: [] };

  const judge = (watched: Watched, now: Date): string | null => {
    const createdAt = firstSeen.get(keyOf(watched)) ?? watched.schedule.createdAt;
    return judgePolicy({ schedule: { ...watched.schedule, createdAt }, newest: describe(watched.newest), now });
  };
  const isStale = (scope: string, now: Date): boolean => {
    const ageMs = Math.abs(now.getTime() - look.atMs);
    if (scope !== look.scope || ageMs >= LOOK_MS) return true;
    return ageMs >= WORRIED_LOOK_MS && look.watched.some((watched) => judge(watched, now) !== null);
  };
  const noteNew = async ({ schedule, instance, newest }: Watched, now: Date): Promise<void> => {
    const key = keyOf({ schedule, instance });
    if (newest !== null || firstSeen.has(key)) return;
    const runs = await context.book.listRuns({ scheduleId: schedule.id, instanceId: instance.id, limit: 1 });
    firstSeen.set(key, runs.length === 0 ? now.toISOString() : schedule.createdAt);
  };
  const note = (watched: Watched, complaint: string | null): void => {
    const key = keyOf(watched);
    if (complaint === null) {
      if (overdue.delete(key)) log.info(fieldsOf(watched), 'the backups of an instance are what is demanded again');
    } else if (!overdue.has(key)) {
      overdue.add(key);
      log.warn({ ...fieldsOf(watched), complaint }, 'the backups of an instance are not what is demanded');
      tell(makeNotification(context, watched, complaint));
    }
  };
  const refresh = async (demanding: readonly BackupSchedule[], { now, scope, findCovered }: RefreshParts) => {
    look = { atMs: now.getTime(), scope, watched: await lookAt(context, demanding, findCovered) };
    for (const watched of look.watched) await noteNew(watched, now);
    const keys = new Set(look.watched.map(keyOf));
    for (const key of [...overdue, ...firstSeen.keys()]) {
      if (keys.has(key)) continue;
      overdue.delete(key);
      firstSeen.delete(key);
    }
  };
  return async (schedules, { now, findCovered }) => {
    const demanding = schedules.filter(({ policy, isPaused }) => policy !== null && !isPaused);
    const scope = demanding.map(({ id }) => id).join();
    if (isStale(scope, now)) await refresh(demanding, { now, scope, findCovered });
    for (const watched of look.watched) note(watched, judge(watched, now));
    metrics.showOverdue(
      look.watched.map((watched) => ({
        instance: watched.instance,
        backupType: watched.schedule.backupType,
        isOverdue: overdue.has(keyOf(watched)),
      })),
    );
  };
}

interface RefreshParts {
  readonly now: Date;
  readonly scope: string;
  readonly findCovered: FindCovered;
}

async function lookAt(
  { as }: SchedulerContext,
  schedules: readonly BackupSchedule[],
  findCovered: FindCovered,
): Promise<readonly Watched[]> {
  const watched: Watched[] = [];
  const listed = new Map<string, Promise<readonly Image[]>>();
  for (const schedule of schedules) {
    const owner = ownerOf(schedule);
    const key = JSON.stringify([owner.name, owner.role]);
    const listing = listed.get(key) ?? as(owner).images.list({ type: 'backup', status: 'active' });
    listed.set(key, listing);
    const images = await listing;
    for (const instance of await findCovered(schedule)) {
      // nothing changes in one that is shelved
      if (!instance.isShelved) watched.push({ schedule, instance, newest: findNewest(images, schedule, instance) });
    }
  }
  return watched;
}

function findNewest(images: readonly Image[], { backupType }: BackupSchedule, { id }: CoveredInstance): Image | null {
  const [newest] = images
    .filter(({ properties }) => properties['instance_uuid'] === id && properties['backup_type'] === backupType)
    .sort((left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt));
  return newest ?? null;
}

function describe(image: Image | null) {
  return image === null ? null : { createdAt: image.createdAt, consistency: image.consistency?.achieved ?? null };
}

function keyOf({ schedule, instance }: Pick<Watched, 'schedule' | 'instance'>): string {
  return `${schedule.id}/${instance.id}`;
}

function fieldsOf({ schedule, instance, newest }: Watched) {
  const { id: scheduleId, backupType } = schedule;
  return { scheduleId, instanceId: instance.id, instanceName: instance.name, backupType, imageId: newest?.id ?? null };
}

function makeNotification(
  { settings, clock }: SchedulerContext,
  { schedule, instance, newest }: Watched,
  complaint: string,
): Notification {
  const { id: scheduleId, backupType } = schedule;
  return {
    // the same when another agent process finds the same
    id: uuidV5(schedule.id, `overdue ${instance.id} ${newest?.id ?? 'none'}`),
    event: 'backup.overdue',
    at: clock.now().toISOString(),
    host: settings.hostName,
    instance: { id: instance.id, name: instance.name },
    scheduleId,
    backupType,
    message: `The ${backupType} backups of ${instance.name} are not what its schedule demands: ${complaint}.`,
    error: null,
  };
}
