import path from 'node:path';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { ImageDisk } from '../../../model/image.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ShelvedDisk, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';
import { requireActive } from '../find-image.ts';
import { removeInstanceFiles } from '../launch/instance-folder.ts';
import { requireWholeImage } from '../launch/require-whole-image.ts';
import { missingDisk } from '../missing-disk.ts';
import { publishShelved } from './publish-shelved.ts';

/**
 * The rest of an offload, once the domain is undefined: disks that move are given their names in the image, the image is published,
 * the names on the host go, and the record says so. Idempotent, and only ever forwards: all it needs is in the record.
 */
export async function leaveHost(core: Core, record: ShelvedInstance): Promise<ShelvedInstance> {
  if (record.state === 'shelved_offloaded') return record;
  if (record.isImageDeferred) await moveIntoImage(core, record);
  if (await hasDisks(core, record)) await requireAll(core, record);
  for (const disk of record.disks) await removeOwnFile(core, disk);
  for (const folder of new Set(record.disks.map((disk) => path.dirname(disk.path)))) await syncFolder(core, folder);
  if (record.made !== null) {
    await removeInstanceFiles(core, record.made.folder, record.made.files);
    await core.store.removeUser(record.made.imageId, record.id);
  }
  const offloaded = { ...record, state: 'shelved_offloaded', isImageDeferred: false } as const;
  await core.shelf.write(offloaded);
  return offloaded;
}

async function moveIntoImage(core: Core, record: ShelvedInstance): Promise<void> {
  if (await isPublished(core, record.imageId)) return;
  const draft = core.store.openDraft(record.imageId);
  const disks: ImageDisk[] = [];
  for (const disk of record.disks) disks.push(await moveIn(core, draft, disk));
  await publishShelved(core, draft, { record, disks });
}

async function hasDisks(core: Core, { disks }: ShelvedInstance): Promise<boolean> {
  for (const { path: file } of disks) if ((await core.files.stat(file)) !== null) return true;
  return false;
}

/** IMAGE_NOT_FOUND, IMAGE_DAMAGED, IMAGE_STATE: an image that does not hold all of it is no reason to remove its disks. */
async function requireAll(core: Core, record: ShelvedInstance): Promise<void> {
  const image = await core.store.readImage(record.imageId);
  const lost = record.disks.find(({ target }) => !image.disks.some((disk) => disk.target === target));
  if (lost !== undefined) throw missingDisk(image, lost.target);
  // what moved is the disks themselves, whatever somebody thinks of the image
  if (!record.isImageDeferred) requireActive(image);
  // nothing comes back over the network only to be looked at: it was checked before it went
  await requireWholeImage(core, image, { isLeftThere: () => true });
}

/** Whether the image that it was copied into holds all of it. */
export async function isImageWhole(core: Core, record: ShelvedInstance): Promise<boolean> {
  try {
    await requireAll(core, record);
    return true;
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED', 'IMAGE_STATE')) return false;
    throw error;
  }
}

async function isPublished(core: Core, imageId: string): Promise<boolean> {
  try {
    await core.store.readImage(imageId);
    return true;
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) return false;
    throw error;
  }
}

/** The same inode in both places until the old name goes; a copy where links are not to be had after all. */
async function moveIn(core: Core, draft: ImageDraft, disk: ShelvedDisk): Promise<ImageDisk> {
  const file = `disk-${disk.target}.${disk.format}`;
  if ((await core.files.stat(draft.sealedPath(file))) === null) {
    const partial = draft.path(file);
    await core.files.remove(partial);
    if (!(await core.files.tryLink(disk.path, partial))) await copyIn(core, disk, partial);
    await draft.seal(file);
  }
  const sizeBytes = (await core.files.stat(draft.sealedPath(file)))?.sizeBytes;
  if (sizeBytes !== disk.sizeBytes) throw changed(disk, sizeBytes);
  const { target, format, virtualSizeBytes } = disk;
  return { target, file, format, virtualSizeBytes, sizeBytes, sha256: null };
}

/** COPY_FAILED unless what was written, read again, is what the only other copy holds, which goes then. */
async function copyIn(core: Core, { target, path: source }: ShelvedDisk, partial: string): Promise<void> {
  await core.files.copy(source, partial, { bandwidthBytesPerSecond: core.settings.copyBandwidthBytesPerSecond });
  if ((await core.files.hash(partial)) === (await core.files.hash(source))) return;
  throw new DarkroomError(
    'COPY_FAILED',
    `The copy of disk ${target} is not what ${source} holds. Nothing was deleted.`,
    {
      fields: { target, path: source },
    },
  );
}

function changed(disk: ShelvedDisk, seen: number | undefined): DarkroomError {
  return new DarkroomError(
    'IMAGE_DAMAGED',
    `Disk ${disk.target} has ${seen ?? 'no'} bytes in its image, and had ${disk.sizeBytes} as ${disk.path}. Nothing was deleted.`,
    { fields: { target: disk.target, path: disk.path } },
  );
}

/** An instance's own folder may have gone already, when this was begun before. */
async function syncFolder(core: Core, folder: string): Promise<void> {
  if ((await core.files.stat(folder)) !== null) await core.files.sync(folder);
}

/** Exactly the file that was captured: what somebody put in its place since is theirs. */
async function removeOwnFile(core: Core, disk: ShelvedDisk): Promise<void> {
  const stat = await core.files.stat(disk.path);
  if (stat?.kind === 'file' && stat.inode === disk.inode) await core.files.remove(disk.path);
}
