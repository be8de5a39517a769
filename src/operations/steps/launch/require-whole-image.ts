import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Image, ImageDisk } from '../../../model/image.ts';
import type { Core } from '../../support/context.ts';
import { requireStandalone } from '../require-standalone.ts';

/** As libvirt names disks; the name becomes part of a path. */
const TARGET = /^[A-Za-z][A-Za-z0-9]{0,31}$/;

export interface WholeImageOptions {
  /** Disks that are not brought here for that where the store is elsewhere: that they are there in their length has to do. */
  readonly isLeftThere?: (disk: ImageDisk) => boolean;
}

/** IMAGE_DAMAGED unless every file is there in its length, and no disk leads to another file. Reads headers only. */
export async function requireWholeImage(core: Core, image: Image, options: WholeImageOptions = {}): Promise<void> {
  const { isLeftThere = () => false } = options;
  requireTargets(image);
  for (const disk of image.disks) {
    const isLeft = !core.store.keepsFilesHere && isLeftThere(disk);
    await (isLeft ? requireStored(core, image, disk) : requireWholeDisk(core, image, disk));
  }
  if (image.nvram !== null) await requireLength(core, image, image.nvram);
}

function requireTargets(image: Image): void {
  const targets = image.disks.map(({ target }) => target);
  const wrong = targets.find((target, index) => !TARGET.test(target) || targets.indexOf(target) !== index);
  if (wrong !== undefined)
    throw damaged(image, `${JSON.stringify(wrong)} cannot be the target of a disk, or not of two`);
}

async function requireWholeDisk(core: Core, image: Image, disk: ImageDisk): Promise<void> {
  const path = await requireLength(core, image, disk);
  try {
    const info = await core.diskTool.info({ path, format: disk.format });
    requireStandalone(info, { path, code: 'IMAGE_DAMAGED', isEncrypted: image.isEncrypted });
  } catch (error) {
    if (!hasCode(error, 'QEMU_IMG_FAILED')) throw error;
    throw damaged(image, `${disk.file} cannot be read as ${disk.format}: ${error.message}`);
  }
}

async function requireStored(core: Core, image: Image, { file, sizeBytes }: ImageDisk): Promise<void> {
  const seen = await core.store.measureFile(image.id, file);
  if (seen === null) throw damaged(image, `its file ${file} is missing`);
  if (seen !== sizeBytes) throw wrongLength(image, { file, sizeBytes, seen });
}

async function requireLength(
  core: Core,
  image: Image,
  { file, sizeBytes }: { readonly file: string; readonly sizeBytes: number },
): Promise<string> {
  const path = await core.store.resolveFile(image.id, file);
  const seen = (await core.files.stat(path))?.sizeBytes ?? 0;
  if (seen !== sizeBytes) throw wrongLength(image, { file, sizeBytes, seen });
  return path;
}

function wrongLength(
  image: Image,
  { file, sizeBytes, seen }: { readonly file: string; readonly sizeBytes: number; readonly seen: number },
): DarkroomError {
  return damaged(image, `${file} has ${seen} bytes, and should have ${sizeBytes}`);
}

function damaged(image: Image, reason: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_DAMAGED',
    `The image ${image.name} (${image.id}) is damaged: ${reason}. Restore the file from a copy of the store, or delete the image.`,
    { fields: { imageId: image.id, reason } },
  );
}
