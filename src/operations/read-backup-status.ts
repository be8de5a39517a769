import { isOwner, maySeeInstance, maySeeShared } from '../model/access.ts';
import type { BackupStatus } from '../model/backup/backup.ts';
import { listNextTimes } from '../model/backup/cron.ts';
import { drawUpDays } from '../model/backup/days.ts';
import { listFailures } from '../model/backup/failures.ts';
import { judgePolicy } from '../model/backup/policy.ts';
import type { BackupSchedule, ScheduleRun } from '../model/backup/schedule.ts';
import type { Image } from '../model/image.ts';
import {
  type BackupSurvey,
  instanceOf,
  isScheduled,
  listVisible,
  nameOf,
  ownerOf,
  surveyBackups,
  typeOf,
} from './steps/backup/backup-survey.ts';
import { identifyInstance } from './steps/backup/known-instances.ts';
import type { Core } from './support/context.ts';

/** Far more than schedules of one instance make. */
const MOST_RUNS_A_DAY = 100;

export interface StatusRequest {
  readonly instance?: string;
  readonly days: number;
}

/** What there is to see of one instance. */
interface Facts {
  /** Those that can be used, newest first. */
  readonly backups: readonly Image[];
  readonly schedules: readonly BackupSchedule[];
  /** Newest first. */
  readonly runs: readonly ScheduleRun[];
}

/** How well each instance is backed up, by name: of its backups and schedules what the caller may see. */
export async function readBackupStatus(core: Core, request: StatusRequest): Promise<readonly BackupStatus[]> {
  const survey = await surveyBackups(core);
  const backups = listVisible(core, survey);
  const schedules = survey.schedules.filter((schedule) => isOwner(core.caller, schedule));
  const seen = { ...survey, backups, schedules };
  const ids = request.instance === undefined ? listIds(core, seen) : [identifyInstance(core, request.instance, seen)];
  const statuses = await Promise.all(ids.map((id) => readStatus(core, id, { survey: seen, days: request.days })));
  return statuses.sort((left, right) => sortKey(left).localeCompare(sortKey(right)));
}

/** Those that the caller sees, and those that are gone but have left something. Somebody else's are not among them. */
function listIds(core: Core, { instances, backups, schedules }: BackupSurvey): readonly string[] {
  const named = schedules.flatMap(({ selector }) => (selector.kind === 'instance' ? [selector.instanceId] : []));
  const left = [...backups.map(instanceOf), ...named].filter((id) => !instances.has(id));
  const visible = [...instances.values()].filter((instance) => maySeeInstance(core.caller, instance));
  return [...new Set([...visible.map(({ id }) => id), ...left])];
}

function sortKey({ instanceName, instanceId }: BackupStatus): string {
  return `${instanceName ?? ''} ${instanceId}`;
}

async function readStatus(
  core: Core,
  instanceId: string,
  { survey, days }: { readonly survey: BackupSurvey; readonly days: number },
): Promise<BackupStatus> {
  const schedules = survey.schedules.filter((schedule) => isScheduled(schedule, instanceId, survey));
  const facts: Facts = {
    backups: survey.backups.filter((image) => instanceOf(image) === instanceId && image.status === 'active'),
    schedules,
    runs: await readRuns(core, instanceId, { schedules: survey.schedules, days }),
  };
  const instance = survey.instances.get(instanceId);
  const now = core.clock.now();
  const instanceName = instance === undefined ? (facts.runs[0]?.instanceName ?? null) : nameOf(core.caller, instance);
  return {
    instanceId,
    instanceName,
    ...describeBackups(facts, now),
    ...describeSchedules(facts, now),
    // what is shelved can neither change nor be backed up
    alerts: instance?.isShelved === true ? [] : listAlerts(facts, now),
    days: drawUpDays({ backups: facts.backups.map(toJudged), runs: facts.runs }, { days, now }),
  };
}

/** Of schedules that the caller sees. */
async function readRuns(
  core: Core,
  instanceId: string,
  { schedules, days }: { readonly schedules: readonly BackupSchedule[]; readonly days: number },
): Promise<readonly ScheduleRun[]> {
  if (schedules.length === 0) return [];
  const ids = new Set(schedules.map(({ id }) => id));
  const runs = await core.schedules.listRuns({ instanceId, limit: days * MOST_RUNS_A_DAY });
  return runs.filter(({ scheduleId }) => ids.has(scheduleId));
}

function describeBackups({ backups }: Facts, now: Date): Pick<BackupStatus, 'lastBackup' | 'lastBoot'> {
  const [last] = backups;
  const booted = backups.find(({ bootProof }) => bootProof !== null);
  return {
    lastBackup:
      last === undefined
        ? null
        : {
            imageId: last.id,
            backupType: typeOf(last),
            createdAt: last.createdAt,
            ageMs: Math.max(0, now.getTime() - Date.parse(last.createdAt)),
            consistency: last.consistency?.achieved ?? null,
          },
    lastBoot: booted?.bootProof == null ? null : { imageId: booted.id, ...booted.bootProof },
  };
}

function describeSchedules(
  { schedules, runs }: Facts,
  now: Date,
): Pick<BackupStatus, 'nextRunAt' | 'scheduleIds' | 'failures' | 'lastFailure'> {
  const next = schedules
    .filter(({ isPaused }) => !isPaused)
    .flatMap((schedule) => listNextTimes(schedule, now, 1))
    .map((time) => time.toISOString());
  const waiting = runs.flatMap(({ status, startAt }) => (status === 'waiting' && startAt !== null ? [startAt] : []));
  const failures = listFailures(runs);
  const [newest] = failures;
  return {
    nextRunAt: [...next, ...waiting].sort()[0] ?? null,
    scheduleIds: schedules.map(({ id }) => id),
    failures: failures.length,
    lastFailure:
      newest === undefined
        ? null
        : {
            at: newest.endedAt ?? newest.dueAt,
            ...(newest.reason ?? { code: 'INTERNAL', message: 'without a reason' }),
          },
  };
}

/** A schedule is content with whatever backups its owner sees, whoever made them. */
function listAlerts({ backups, schedules }: Facts, now: Date): readonly string[] {
  const alerts = schedules.map((schedule) => {
    const newest = backups.find(
      (image) => typeOf(image) === schedule.backupType && maySeeShared(ownerOf(schedule), image),
    );
    return judgePolicy({ schedule, newest: newest === undefined ? null : toJudged(newest), now });
  });
  return [...new Set(alerts.filter((alert) => alert !== null))];
}

function toJudged({ id, createdAt, consistency, bootProof }: Image) {
  return { id, createdAt, consistency: consistency?.achieved ?? null, isUnbootable: bootProof?.hasBooted === false };
}
