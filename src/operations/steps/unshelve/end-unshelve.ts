import { hasCode } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { powerOff } from '../power/shut-down.ts';
import { restorePower } from '../shelve/put-back.ts';

/**
 * All is on this host: the record goes, then the image, and only then the guest goes on, because a disk that moved is a file of the
 * image still. Idempotent. Returns what a person should know.
 */
export async function completeUnshelve(core: Core, plan: UnshelvePlan, operationId: string): Promise<string[]> {
  let notes: string[] = [];
  try {
    notes = await leaveShelf(core, plan);
  } finally {
    await outlastLibvirtRestart(core, () => letGoOn(core, plan));
  }
  await core.shelf.releaseClaim(plan.instanceId, operationId);
  return notes;
}

/** Where the store fails here the guest goes on all the same: the claim keeps others away until recovery has finished. */
async function leaveShelf(core: Core, plan: UnshelvePlan): Promise<string[]> {
  await core.shelf.remove(plan.instanceId);
  return await dropImage(core, plan);
}

async function dropImage(core: Core, { imageId }: UnshelvePlan): Promise<string[]> {
  const users = await core.store.listUsers(imageId);
  if (users.length === 0) {
    await core.store.deleteImage(imageId);
    return [];
  }
  const who = users.map((user) => `${user.instanceName} on ${user.host}`).join(', ');
  return [`The image ${imageId} is kept: it is the base of the disks of ${who}.`];
}

async function letGoOn(core: Core, { instanceId, wanted, isInPlace, isAutostart }: UnshelvePlan): Promise<void> {
  if (isInPlace) {
    if (isAutostart) await core.hypervisor.setAutostart(instanceId, { isEnabled: true });
    return await restorePower(core, instanceId, wanted);
  }
  if (wanted !== 'running') return;
  const { powerState } = await core.hypervisor.getDomain(instanceId);
  if (powerState === 'paused') await core.hypervisor.resumeDomain(instanceId);
}

/** Still shelved, with nothing of it left on this host; idempotent. The domain first: its disks must not go under it. */
export async function undoUnshelve(core: Core, plan: UnshelvePlan, operationId: string): Promise<void> {
  if (!plan.isInPlace) await undoReturn(core, plan);
  await core.shelf.releaseClaim(plan.instanceId, operationId);
}

async function undoReturn(core: Core, plan: UnshelvePlan): Promise<void> {
  if (plan.mayBeDefined) await outlastLibvirtRestart(core, () => removeDomain(core, plan.instanceId));
  for (const { path, source, ownership } of plan.links) {
    if (await isSameFile(core, path, source)) await core.files.remove(path);
    await core.files.setOwnership(source, ownership);
  }
  for (const file of plan.files) await core.files.remove(file);
  // its name is the instance's own id, and it was not there before
  if (plan.folder !== null) await core.files.removeTree(plan.folder);
  if (plan.isImageReserved) await releaseImage(core, plan.imageId);
}

/** What somebody else put there before the link could be made is theirs. */
async function isSameFile(core: Core, left: string, right: string): Promise<boolean> {
  const [one, other] = [await core.files.stat(left), await core.files.stat(right)];
  return one !== null && one.inode === other?.inode && one.device === other.device;
}

async function removeDomain(core: Core, uuid: string): Promise<void> {
  try {
    await powerOff(core, uuid);
    await core.hypervisor.undefineDomain(uuid, { nvram: 'remove', tpm: 'remove' });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}

async function releaseImage(core: Core, imageId: string): Promise<void> {
  const image = await core.store.readImage(imageId);
  if (image.status === 'deleting') await core.store.updateImage({ ...image, status: 'active' });
}
