import type { ImageFile } from '../../model/image.ts';
import type { ImageDraft } from '../../model/ports/image-store.ts';
import type { Core } from '../support/context.ts';

/** Seals a written file of a draft that is not a disk, and reads it again for its checksum. */
export async function finishFile(core: Core, draft: ImageDraft, file: string): Promise<ImageFile> {
  const { sizeBytes } = await draft.seal(file);
  return { file, sizeBytes, sha256: await core.files.hash(draft.sealedPath(file)) };
}
