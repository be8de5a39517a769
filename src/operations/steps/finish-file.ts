import type { ImageFile } from '../../model/image.ts';
import type { ImageDraft, TransferOptions } from '../../model/ports/image-store.ts';
import type { Core } from '../support/context.ts';

/** Seals a written file of a draft that is not a disk, and reads it again for its checksum. */
export async function finishFile(
  core: Core,
  draft: ImageDraft,
  file: string,
  options: TransferOptions = {},
): Promise<ImageFile> {
  const { sizeBytes } = await draft.seal(file, options);
  return { file, sizeBytes, sha256: await core.files.hash(draft.sealedPath(file)) };
}
