import { isOwner } from '../../model/access.ts';
import type { BackupSchedule } from '../../model/backup/schedule.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { Core } from '../support/context.ts';

const SHORTEST_REFERENCE = 4;

/** The caller's own schedule with that id, or the only one whose id begins like that. SCHEDULE_NOT_FOUND, AMBIGUOUS_NAME. */
export async function findSchedule(core: Core, reference: string): Promise<BackupSchedule> {
  const wanted = reference.toLowerCase();
  const own = (await core.schedules.list()).filter((schedule) => isOwner(core.caller, schedule));
  const exact = own.find(({ id }) => id === wanted);
  if (exact !== undefined) return exact;
  const [found, ...others] = wanted.length < SHORTEST_REFERENCE ? [] : own.filter(({ id }) => id.startsWith(wanted));
  if (found === undefined) throw scheduleNotFound(reference);
  if (others.length > 0) throw ambiguous(reference, [found, ...others]);
  return found;
}

export function scheduleNotFound(reference: string): DarkroomError {
  return new DarkroomError(
    'SCHEDULE_NOT_FOUND',
    `No schedule has the id ${JSON.stringify(reference)}, or one that begins like that (${SHORTEST_REFERENCE} characters ` +
      'at least). darkroom backup schedule list shows what there is.',
    { fields: { schedule: reference } },
  );
}

function ambiguous(reference: string, schedules: readonly BackupSchedule[]): DarkroomError {
  const ids = schedules.map(({ id }) => id).join(', ');
  return new DarkroomError(
    'AMBIGUOUS_NAME',
    `The ids of ${schedules.length} schedules begin with ${JSON.stringify(reference)}: ${ids}. Give more of it.`,
    { fields: { schedule: reference, ids } },
  );
}
