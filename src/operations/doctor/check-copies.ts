import { mapConcurrently } from '../../lib/async.ts';
import type { DoctorCheck } from '../../model/doctor.ts';
import { bringCopy, findMissingCopies, type MissingCopy } from '../steps/launch/missing-copies.ts';
import {
  bringLayers,
  findMissingLayers,
  listLocalDisks,
  listRecordedVolumes,
  type MissingLayer,
} from '../steps/snapshot/volume/missing-layers.ts';
import type { Core } from '../support/context.ts';
import { badCheck, failedCheck, okCheck, repairedCheck } from './doctor-check.ts';

const ID = 'disk.backing';
const AT_ONCE = 4;
const REMEDY = 'darkroom doctor --repair fetches it again, as darkroom instance start does; a guest that runs goes on.';

/** Copies of what the store holds elsewhere that disks of this host stand on: somebody may have emptied their folder. */
export async function checkCopies(core: Core, options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  if (core.store.keepsFilesHere) return [];
  const instanceIds = await core.files.list(core.settings.instancesDir);
  const checks = await mapConcurrently(instanceIds, AT_ONCE, (id) => checkInstance(core, id, options));
  const found = [...checks.flat(), ...(await checkVolumes(core, options))];
  const words = 'all copies of images and snapshots that disks of this host stand on are here';
  return found.length > 0 ? found : [okCheck(ID, words)];
}

/** Thin volumes that were made of snapshots: those that a domain has, those among our own, and those that are on record. */
async function checkVolumes(core: Core, options: { readonly isRepairing: boolean }): Promise<DoctorCheck[]> {
  const failed: DoctorCheck[] = [];
  const guarded = async (list: (core: Core) => Promise<readonly string[]>): Promise<readonly string[]> => {
    try {
      return await list(core);
    } catch (error) {
      failed.push(failedCheck(ID, error));
      return [];
    }
  };
  const disks = [...(await guarded(listLocalDisks)), ...(await guarded(listRecordedVolumes))];
  const checks: DoctorCheck[] = [];
  for (const missing of await findMissingLayers(core, disks)) checks.push(await treatLayer(core, missing, options));
  return [...failed, ...checks];
}

async function treatLayer(
  core: Core,
  missing: MissingLayer,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck> {
  const what = `the disk ${missing.disk} stands on the snapshot ${missing.snapshot.id}, of which ${missing.path} is gone`;
  if (!isRepairing) return badCheck(ID, 'error', { message: what, remedy: REMEDY });
  try {
    await bringLayers(core, missing);
    return repairedCheck(ID, `${what}: it was fetched again from ${core.snapshots.location}`);
  } catch (error) {
    return failedCheck(ID, error);
  }
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
  if (!isRepairing) return badCheck(ID, 'error', { message: what, remedy: REMEDY });
  await bringCopy(core, missing);
  return repairedCheck(ID, `${what}: it was fetched again from ${core.store.location}`);
}
