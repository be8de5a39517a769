import type { Image } from '../../../model/image.ts';
import type { CopiedFile } from '../../../model/image-copy.ts';
import type { ImageStore } from '../../../model/ports/image-store.ts';
import type { Core } from '../../support/context.ts';
import { requireSum } from './require-sum.ts';

export interface StraightFetch {
  readonly source: ImageStore;
  readonly image: Pick<Image, 'id' | 'name'>;
  readonly file: Pick<CopiedFile, 'file' | 'sha256'>;
  /** Must not exist. */
  readonly target: string;
  readonly onBytes?: (totalBytes: number) => void;
}

/**
 * A file of an image of a store elsewhere, to where it shall lie; read there while it comes where the store cannot tell its sum. Its
 * SHA-256; null, and nothing is written, where it is on this host already. IMAGE_DAMAGED when it is not what the manifest says.
 */
export async function fetchStraight(
  { files }: Core,
  { source, image, file, target, onBytes }: StraightFetch,
  signal: AbortSignal,
): Promise<string | null> {
  await using hash = files.hashGrowing(target, { signal });
  const fetched = await source.fetchFile(
    image.id,
    { file: file.file, target },
    { signal, onGrown: (leadingBytes) => hash.reach(leadingBytes), ...(onBytes && { onBytes }) },
  );
  if (fetched === 'here') return null;
  const sha256 = fetched.sha256 ?? (await hash.end());
  requireSum(image, file, sha256);
  return sha256;
}
