import type { DoctorCheck, DoctorReport } from '../model/doctor.ts';
import { DarkroomError } from '../model/errors.ts';
import { checkCopies } from './doctor/check-copies.ts';
import { checkGuests } from './doctor/check-guests.ts';
import { checkLeftovers } from './doctor/check-leftovers.ts';
import { checkLibvirt } from './doctor/check-libvirt.ts';
import { checkOperations } from './doctor/check-operations.ts';
import { checkPlaces } from './doctor/check-places.ts';
import { checkRecycled } from './doctor/check-recycled.ts';
import { checkStaging } from './doctor/check-staging.ts';
import { checkTools } from './doctor/check-tools.ts';
import { failedCheck } from './doctor/doctor-check.ts';
import type { Core } from './support/context.ts';
import type { RecoveryTable } from './support/recover-operations.ts';

/**
 * Looks at the host; with `isRepairing` also mends leftovers that are proven to be ours: FORBIDDEN but for an admin. Never throws
 * for what it finds. Who is no admin is told of the host alone, and not of what others have on it.
 */
export async function diagnoseHost(
  core: Core,
  recovery: RecoveryTable,
  options: { readonly isRepairing: boolean },
): Promise<DoctorReport> {
  const isAdmin = core.caller.role === 'admin';
  if (options.isRepairing && !isAdmin) throw forbidden(core);
  const checks: DoctorCheck[] = [
    ...(await guarded('libvirt.reachable', () => checkLibvirt(core))),
    ...(await guarded('tool.qemu-img', () => checkTools(core))),
    ...(await guarded('store.writable', () => checkPlaces(core))),
  ];
  if (isAdmin) {
    checks.push(
      ...(await guarded('operation.unsettled', () => checkOperations(core, recovery, options))),
      ...(await guarded('leftover.overlay', () => checkLeftovers(core, options))),
      ...(await guarded('leftover.snapshot', () => checkStaging(core, options))),
      ...(await guarded('disk.backing', () => checkCopies(core, options))),
      ...(await guarded('store.recycled', () => checkRecycled(core, options))),
      ...(await guarded('guest.agent', () => checkGuests(core))),
    );
  }
  return { checks, isHealthy: checks.every((check) => check.status !== 'error') };
}

function forbidden({ caller }: Core): DarkroomError {
  return new DarkroomError('FORBIDDEN', `${caller.name} has the role ${caller.role}: repairs are for admins alone.`, {
    fields: { principal: caller.name, role: caller.role, needed: 'admin' },
  });
}

/** One part that cannot be looked at hides no other. */
async function guarded(id: string, look: () => Promise<DoctorCheck[]>): Promise<DoctorCheck[]> {
  try {
    return await look();
  } catch (error) {
    return [failedCheck(id, error)];
  }
}
