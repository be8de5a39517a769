import type { DoctorCheck } from '../../model/doctor.ts';
import { formatBytes } from '../../model/format-bytes.ts';
import type { Core } from '../support/context.ts';
import { badCheck, okCheck, repairedCheck } from './doctor-check.ts';

const ID = 'store.recycled';

/** Deleted images: what they take, those that nobody can bring back any more, and purges that were cut short. */
export async function checkRecycled(
  core: Core,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck[]> {
  const { recycled, broken, halfPurgedIds } = await core.store.listRecycled();
  const sizeBytes = recycled.reduce((sum, image) => sum + image.sizeBytes, 0);
  const checks = broken.map(({ id, reason }) =>
    badCheck(ID, 'warning', {
      message: `the deleted image ${id} cannot be brought back: ${reason}`,
      remedy: `If it may go: darkroom image delete --purge ${id}`,
    }),
  );
  for (const id of halfPurgedIds) checks.push(await endPurge(core, id, { isRepairing }));
  if (checks.length > 0) return checks;
  return [okCheck(ID, `deleted images that can be brought back: ${recycled.length}, ${formatBytes(sizeBytes)}`)];
}

async function endPurge(
  core: Core,
  id: string,
  { isRepairing }: { readonly isRepairing: boolean },
): Promise<DoctorCheck> {
  const what = `the purge of the deleted image ${id} was cut short`;
  if (!isRepairing) {
    return badCheck(ID, 'warning', {
      message: what,
      remedy: 'An agent ends it by itself; or: darkroom doctor --repair',
    });
  }
  await core.store.purgeRecycled(id);
  return repairedCheck(ID, `${what}: it was ended`);
}
