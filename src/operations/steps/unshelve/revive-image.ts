import { hasCode } from '../../../model/errors.ts';
import type { Image, ImageDisk } from '../../../model/image.ts';
import { imageChecksum, summariseDisks } from '../../../model/image-rules.ts';
import type { Core } from '../../support/context.ts';

/**
 * An image that an unshelve had marked as going stays. QEMU may have touched the tables of a disk that it opened, though no guest wrote:
 * of those the manifest says what there is.
 */
export async function reviveImage(core: Core, image: Image, mayBeTouched: (disk: ImageDisk) => boolean): Promise<void> {
  const disks: ImageDisk[] = [];
  for (const disk of image.disks) disks.push(mayBeTouched(disk) ? await lookAgain(core, image, disk) : disk);
  const changed = { disks, checksum: imageChecksum(disks), ...summariseDisks(disks) };
  await core.store.updateImage({ ...image, ...changed, status: 'active' });
}

/**
 * One that was marked by an unshelve whose host died: the claim on its machine is ours by now, and the record keeps everybody else from
 * deleting it.
 */
export async function takeOverImage(core: Core, imageId: string): Promise<void> {
  const image = await core.store.readImage(imageId).catch((error: unknown) => {
    // said better by who needs it
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) return null;
    throw error;
  });
  if (image?.status === 'deleting') await reviveImage(core, image, () => true);
}

/** A length that no QEMU gave it stays what it was in the manifest: the image is damaged then. */
async function lookAgain(core: Core, image: Image, disk: ImageDisk): Promise<ImageDisk> {
  try {
    const path = await core.store.resolveFile(image.id, disk.file);
    const sizeBytes = (await core.files.stat(path))?.sizeBytes;
    if (sizeBytes === undefined) return disk;
    if (sizeBytes === disk.sizeBytes) return { ...disk, sha256: null };
    const isSound = disk.format === 'qcow2' && (await core.diskTool.check({ path, format: 'qcow2' })).isSound;
    return isSound ? { ...disk, sizeBytes, sha256: null } : disk;
  } catch (error) {
    if (hasCode(error, 'IMAGE_DAMAGED', 'QEMU_IMG_FAILED')) return disk;
    throw error;
  }
}
