import type { ImageDraft, TransferOptions } from '../../../model/ports/image-store.ts';
import type { Core } from '../../support/context.ts';

export interface SentFile {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * A file of this host that nobody writes to, as a file of an image of a store elsewhere: from where it lies. Its length there, and its
 * SHA-256, of what was sent, or of what is there since an earlier try sent it.
 */
export async function sendStraight(
  { files }: Core,
  draft: ImageDraft,
  { file, source }: { readonly file: string; readonly source: string },
  options: TransferOptions & { readonly signal: AbortSignal },
): Promise<SentFile> {
  const sealed = await draft.sealFrom(file, source, options);
  const sha256 = sealed?.sha256 ?? (await files.hash(source, { signal: options.signal }));
  return { sizeBytes: sealed?.sizeBytes ?? 0, sha256 };
}
