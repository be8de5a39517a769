import { z } from 'zod';
import { newUuid } from '../../../../lib/uuid.ts';
import { MAX_MANIFEST_BYTES } from '../../documents/manifest.ts';
import type { Bucket } from '../bucket.ts';
import { recycledKey } from './keys.ts';

/** The manifest, once more as text of a document, and what is said of its deletion. */
const MAX_STATE_BYTES = 3 * MAX_MANIFEST_BYTES;

const stateDocument = z.object({
  version: z.literal(1),
  /** restored: it was deleted once and came back, or what it was is gone without us. */
  state: z.enum(['recycled', 'restoring', 'restored', 'purging']),
  note: z
    .object({ deletedAt: z.iso.datetime(), deletedBy: z.string().nullable(), expiresAt: z.iso.datetime() })
    .nullable(),
  /** As it stood in the bucket. */
  manifest: z.string().nullable(),
});

/**
 * Where an image is on its way from the images to the deleted ones, back, or for good: `recycled.json` beside its files. It only ever
 * changes by a conditional write, so that of several hosts one goes each step. While there is a manifest, there is an image, whatever this says.
 */
export type StateDocument = Omit<z.infer<typeof stateDocument>, 'version'>;

export interface KnownState {
  readonly etag: string;
  /** null: it cannot be read. */
  readonly document: StateDocument | null;
}

/** null when there is none. STORE_UNUSABLE. */
export async function readState(bucket: Bucket, imageId: string): Promise<KnownState | null> {
  const found = await bucket.get(recycledKey(imageId), { maxBytes: MAX_STATE_BYTES });
  return found === null ? null : { etag: found.etag, document: parseState(found.content.toString('utf8')) };
}

/** null when it cannot be read. */
function parseState(text: string): StateDocument | null {
  try {
    const { version: _, ...document } = stateDocument.parse(JSON.parse(text));
    return document;
  } catch {
    return null;
  }
}

/** From what was known to another state; null when somebody else was faster. STORE_WRITE_FAILED, NO_SPACE. */
export async function changeState(
  bucket: Bucket,
  imageId: string,
  change: { readonly from: KnownState | null; readonly to: StateDocument },
): Promise<KnownState | null> {
  // the nonce makes it ours: a repeated request is recognised by what it wrote
  const text = JSON.stringify({ version: 1, nonce: newUuid(), ...change.to });
  const condition = change.from === null ? ({ ifAbsent: true } as const) : { ifMatch: change.from.etag };
  const written = await bucket.put(recycledKey(imageId), text, condition);
  return written === null ? null : { etag: written.etag, document: change.to };
}
