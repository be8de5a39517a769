import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import { overlayStem } from '../../../model/overlay-name.ts';
import type { Core, OperationContext } from '../../support/context.ts';
import type { SelectedDisk } from './select-disks.ts';

const MAX_NAME_BYTES = 255;
/** QEMU's user must be able to pass, and need not see what else there is. */
const FOLDER_MODE = 0o711;

/** Where a file that goes with a disk lies while an operation works on it: beside it, or for a host device in the configured folder. */
export function overlayFolder(core: Core, disk: Pick<SelectedDisk, 'path' | 'isBlockDevice'>): string {
  return disk.isBlockDevice ? core.settings.overlayDir : path.dirname(disk.path);
}

/** The folder for files of block devices comes into being with the first one. */
export async function ensureOverlayFolder(
  core: Core,
  disk: Pick<SelectedDisk, 'path' | 'isBlockDevice'>,
): Promise<void> {
  const folder = overlayFolder(core, disk);
  if ((await core.files.stat(folder)) === null) await core.files.makeDirectory(folder, { mode: FOLDER_MODE });
}

/** A path in that folder, made of the disk's name and the operation's id. DISK_UNSUPPORTED when it would be too long a name. */
export function planBesideDisk(
  context: OperationContext,
  disk: SelectedDisk,
  nameFile: (stem: string, operationId: string) => string,
): string {
  const file = nameFile(path.join(overlayFolder(context, disk), overlayStem(disk)), context.operation.id);
  if (Buffer.byteLength(path.basename(file)) <= MAX_NAME_BYTES) return file;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `The file name of disk ${disk.target} is so long that no overlay can be named after it: ${disk.path}. Rename the file.`,
    { fields: { target: disk.target, path: disk.path } },
  );
}
