import { DarkroomError } from '../../model/errors.ts';
import type { Image, ImageDisk } from '../../model/image.ts';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import type { TransferOptions } from '../../model/ports/image-store.ts';
import type { CaptureRequest } from '../../model/requests.ts';
import type { Core } from '../support/context.ts';

/** INVALID_REQUEST, ENCRYPTION_KEY_MISSING: what can be said against an encrypted image before anything is made. */
export async function requireEncryptable(
  core: Core,
  { isEncrypted, isGeneralized }: Pick<CaptureRequest, 'isEncrypted' | 'isGeneralized'>,
): Promise<void> {
  if (!isEncrypted) return;
  if (isGeneralized) {
    throw new DarkroomError(
      'INVALID_REQUEST',
      'An image is either generalized or encrypted: virt-sysprep would need the key.',
      { fields: { field: 'isEncrypted' } },
    );
  }
  await core.keys.read();
}

/** ENCRYPTION_KEY_MISSING for an encrypted image on a host without its key: said before anything is made. */
export async function requireKey(core: Core, { isEncrypted }: Pick<Image, 'isEncrypted'>): Promise<void> {
  if (isEncrypted) await core.keys.read();
}

/** A disk of an image as it can be read, with the key where it needs one. ENCRYPTION_KEY_MISSING, IMAGE_DAMAGED. */
export async function imageDisk(
  core: Core,
  { id, isEncrypted }: Pick<Image, 'id' | 'isEncrypted'>,
  { file, format }: Pick<ImageDisk, 'file' | 'format'>,
  options: TransferOptions = {},
): Promise<DiskFile> {
  const path = await core.store.resolveFile(id, file, options);
  return { path, format, ...(isEncrypted ? { key: await core.keys.read() } : {}) };
}
