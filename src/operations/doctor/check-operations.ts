import type { DoctorCheck } from '../../model/doctor.ts';
import type { Core } from '../support/context.ts';
import { findDeadOperations, type RecoveryTable, recoverOperations } from '../support/recover-operations.ts';
import { badCheck, okCheck, repairedCheck } from './doctor-check.ts';

/** Operations whose process died. */
export async function checkOperations(
  core: Core,
  recovery: RecoveryTable,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck[]> {
  const dead = await findDeadOperations(core);
  if (dead.length === 0) return [okCheck('operation.unsettled', 'no operation of a dead process is unfinished')];
  if (isRepairing) await recoverOperations(core, recovery);
  const left = new Set((await core.journal.list({ isUnsettled: true })).map(({ operation }) => operation.id));
  return dead.map(({ operation }) => {
    const what = `operation ${operation.id} (${operation.kind} of ${operation.target}, step ${operation.step})`;
    if (isRepairing && !left.has(operation.id)) return repairedCheck('operation.unsettled', `${what} was put right`);
    return badCheck('operation.unsettled', 'error', {
      message: `${what} died and is not put right`,
      remedy: isRepairing ? 'See the log; mend the cause, then run doctor --repair again.' : 'darkroom doctor --repair',
    });
  });
}
