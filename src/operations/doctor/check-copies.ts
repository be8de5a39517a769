import { mapConcurrently } from '../../lib/async.ts';
import type { DoctorCheck } from '../../model/doctor.ts';
import { bringCopy, findMissingCopies, type MissingCopy } from '../steps/launch/missing-copies.ts';
import type { Core } from '../support/context.ts';
import { badCheck, failedCheck, okCheck, repairedCheck } from './doctor-check.ts';

const ID = 'disk.backing';
const AT_ONCE = 4;

/** Copies of what the store holds elsewhere that disks of this host stand on: somebody may have emptied their folder. */
export async function checkCopies(core: Core, options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  if (core.store.keepsFilesHere) return [];
  const instanceIds = await core.files.list(core.settings.instancesDir);
  const checks = await mapConcurrently(instanceIds, AT_ONCE, (id) => checkInstance(core, id, options));
  const found = checks.flat();
  return found.length > 0 ? found : [okCheck(ID, 'all copies of images that disks of this host stand on are here')];
}

/** One that cannot be looked at or brought hides no other. */
async function checkInstance(
  core: Core,
  instanceId: string,
  options: { readonly isRepairing: boolean },
): Promise<DoctorCheck[]> {
  try {
    const checks: DoctorCheck[] = [];
    for (const missing of await findMissingCopies(core, instanceId)) checks.push(await treat(core, missing, options));
    return checks;
  } catch (error) {
    return [failedCheck(ID, error)];
  }
}

async function treat(
  core: Core,
  missing: MissingCopy,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck> {
  const what = `the disk ${missing.disk} of ${missing.record.instanceName} stands on ${missing.path}, which is gone`;
  if (!isRepairing) {
    const remedy =
      'darkroom doctor --repair fetches it again, as darkroom instance start does; a guest that runs goes on.';
    return badCheck(ID, 'error', { message: what, remedy });
  }
  await bringCopy(core, missing);
  return repairedCheck(ID, `${what}: it was fetched again from ${core.store.location}`);
}
