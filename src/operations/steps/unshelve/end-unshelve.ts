import path from 'node:path';
import { readDiskPaths } from '../../../model/domain-xml/disk-sources.ts';
import { isInside } from '../../../model/domain-xml/host-paths.ts';
import { hasCode } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import type { UnshelvePlan } from '../../unshelve-plan.ts';
import { SWTPM_ROOT } from '../capture/read-firmware.ts';
import { describeKept, dropUnusedImage, findReadableImage } from '../drop-unused-image.ts';
import { restorePower } from '../power/restore-power.ts';
import { powerOff } from '../power/shut-down.ts';
import { reviveImage } from './revive-image.ts';

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

async function dropImage(core: Core, { imageId, links }: UnshelvePlan): Promise<string[]> {
  if (links.length > 0) {
    // its disks moved: it was kept from getting users, and is none any more
    await core.store.deleteImage(imageId);
    return [];
  }
  if ((await findReadableImage(core, imageId))?.protected === true)
    return [`The image ${imageId} is kept: it is protected.`];
  const users = await dropUnusedImage(core, imageId);
  return users.length === 0 ? [] : [describeKept(imageId, users)];
}

/** The guest first: what libvirt answers to the rest must not leave it paused. */
async function letGoOn(core: Core, plan: UnshelvePlan): Promise<void> {
  await bringToWork(core, plan);
  if (plan.isAutostart) await core.hypervisor.setAutostart(plan.instanceId, { isEnabled: true });
}

async function bringToWork(core: Core, { instanceId, wanted, isInPlace }: UnshelvePlan): Promise<void> {
  if (isInPlace) return await restorePower(core, instanceId, wanted);
  if (wanted !== 'running') return;
  const { powerState } = await core.hypervisor.getDomain(instanceId);
  if (powerState === 'paused') await core.hypervisor.resumeDomain(instanceId);
  // the host was restarted in between
  if (powerState === 'shutdown') await core.hypervisor.startDomain(instanceId);
}

/**
 * Still shelved, with nothing of it left on this host; idempotent. A guest that runs was let go on by somebody, and what it writes is
 * in no image: then it has come back, and the rest is done.
 */
export async function undoUnshelve(core: Core, plan: UnshelvePlan, operationId: string): Promise<void> {
  if (plan.mayBeDefined && (await outlastLibvirtRestart(core, () => isRunning(core, plan.instanceId)))) {
    await completeUnshelve(core, plan, operationId);
    return;
  }
  if (!plan.isInPlace) await undoReturn(core, plan);
  await core.shelf.releaseClaim(plan.instanceId, operationId);
}

async function isRunning(core: Core, instanceId: string): Promise<boolean> {
  const domains = await core.hypervisor.listDomains();
  return domains.some(({ uuid, powerState }) => uuid === instanceId && powerState === 'running');
}

/** The domain first: its disks must not go under it. */
async function undoReturn(core: Core, plan: UnshelvePlan): Promise<void> {
  if (plan.mayBeDefined) await outlastLibvirtRestart(core, () => removeDomain(core, plan.instanceId));
  for (const { path, source, ownership } of plan.links) {
    if (await isSameFile(core, path, source)) await core.files.remove(path);
    await core.files.setOwnership(source, ownership);
  }
  await removeUnused(core, plan.files);
  await removeTpmFolder(core, plan);
  // its name is the instance's own id, and it was not there before
  if (plan.folder !== null) await core.files.removeTree(plan.folder);
  if (plan.isImageReserved) await releaseImage(core, plan);
}

/** Made for the state that was in it; one that holds anything stays. */
async function removeTpmFolder(core: Core, { instanceId, files }: UnshelvePlan): Promise<void> {
  const folder = path.join(SWTPM_ROOT, instanceId);
  if (!files.some((file) => isInside(file.path, folder))) return;
  for (const version of await core.files.list(folder)) {
    if ((await core.files.list(path.join(folder, version))).length > 0) return;
  }
  await core.files.removeTree(folder);
}

/** What lies there instead by now, or is a disk of another domain, is somebody else's. */
async function removeUnused(core: Core, files: UnshelvePlan['files']): Promise<void> {
  const named = new Set<string>();
  for (const { uuid, isPersistent } of await core.hypervisor.listDomains()) {
    const xml = await core.hypervisor.getDomainXml(uuid, { isInactive: isPersistent }).catch(() => null);
    if (xml !== null) for (const file of readDiskPaths(xml).values()) named.add(file);
  }
  for (const { path: file, partial, inode } of files) {
    await core.files.remove(partial);
    if (inode === null || named.has(file) || (await core.files.stat(file))?.inode !== inode) continue;
    await core.files.remove(file);
  }
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
    // a start that libvirt was asked for by who died since comes to its end before that: it lives on without a definition
    await powerOff(core, uuid);
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}

async function releaseImage(core: Core, { imageId, links, mayBeDefined }: UnshelvePlan): Promise<void> {
  const image = await core.store.readImage(imageId);
  if (image.status !== 'deleting') return;
  await reviveImage(
    core,
    image,
    ({ file }) => mayBeDefined && links.some(({ source }) => path.basename(source) === file),
  );
}
