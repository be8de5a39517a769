import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { CopiedFile } from '../../../model/image-copy.ts';

/** IMAGE_DAMAGED unless `seen`, the SHA-256 of what the store holds as that file, is the one that the manifest states, if it does. */
export function requireSum(
  { id, name }: Pick<Image, 'id' | 'name'>,
  { file, sha256: expected }: Pick<CopiedFile, 'file' | 'sha256'>,
  seen: string,
): void {
  if (expected === null || expected === seen) return;
  throw new DarkroomError(
    'IMAGE_DAMAGED',
    `The image ${name} (${id}) is damaged: ${file} has the SHA-256 ${seen}, and its manifest says ${expected}.`,
    { fields: { imageId: id, file, expected, seen } },
  );
}
