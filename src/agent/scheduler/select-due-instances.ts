import type { BackupSchedule } from '../../model/backup/schedule.ts';
import { covers } from '../../model/backup/selector.ts';
import type { Instance } from '../../model/instance.ts';
import { ownerOf, type SchedulerContext } from './context.ts';

export interface CoveredInstance {
  readonly id: string;
  readonly name: string;
  readonly isShelved: boolean;
}

/** Instances that a schedule means; what its owner sees is asked for once, however many schedules ask. */
export type FindCovered = (schedule: BackupSchedule) => Promise<readonly CoveredInstance[]>;

export function createFindCovered({
  as,
  book,
  settings,
}: Pick<SchedulerContext, 'as' | 'book' | 'settings'>): FindCovered {
  const listed = new Map<string, Promise<readonly Instance[]>>();
  const listFor = (schedule: BackupSchedule): Promise<readonly Instance[]> => {
    const caller = ownerOf(schedule);
    const key = JSON.stringify([caller.name, caller.role]);
    const listing = listed.get(key) ?? as(caller).instances.list();
    listed.set(key, listing);
    return listing;
  };
  /** A store that several hosts share shows what each of them shelved. */
  const isOurs = async (schedule: BackupSchedule, { id, host }: Instance): Promise<boolean> => {
    if (schedule.selector.kind === 'instance' || host === settings.hostName) return true;
    if (host !== null) return false;
    return (await book.listRuns({ scheduleId: schedule.id, instanceId: id, limit: 1 })).length > 0;
  };
  return async (schedule) => {
    const covered: CoveredInstance[] = [];
    for (const instance of await listFor(schedule)) {
      if (!covers(schedule.selector, instance) || !(await isOurs(schedule, instance))) continue;
      const { id, name, state } = instance;
      covered.push({ id, name, isShelved: state === 'shelved' || state === 'shelved_offloaded' });
    }
    return covered;
  };
}
