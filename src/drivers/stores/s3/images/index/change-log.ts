import { z } from 'zod';
import { newUuid } from '../../../../../lib/uuid.ts';
import type { Bucket } from '../../bucket.ts';
import { IMAGES_PREFIX } from '../keys.ts';

const KEY = `${IMAGES_PREFIX}.changes`;
const MAX_LOG_BYTES = 1024 * 1024;
const KEPT_CHANGES = 200;
const ATTEMPTS = 5;

const logDocument = z.object({
  version: z.literal(1),
  changes: z.array(z.object({ word: z.string(), images: z.array(z.string()) })),
});
type Change = z.infer<typeof logDocument>['changes'][number];

/** The last changes that were made to the images of a bucket, oldest first: who knows one of them knows what came after it. */
export interface ChangeLog {
  readonly changes: readonly Change[];
  /** null: there is none yet. */
  readonly etag: string | null;
}

/** One that cannot be read is as good as none: whoever writes next replaces it. STORE_UNUSABLE. */
export async function readChangeLog(bucket: Bucket): Promise<ChangeLog> {
  const found = await bucket.get(KEY, { maxBytes: MAX_LOG_BYTES });
  if (found === null) return { changes: [], etag: null };
  return { changes: parse(found.content.toString('utf8')), etag: found.etag };
}

function parse(text: string): readonly Change[] {
  try {
    return logDocument.parse(JSON.parse(text)).changes;
  } catch {
    return [];
  }
}

/** The last word; '' before the first. */
export function lastWord({ changes }: ChangeLog): string {
  return changes.at(-1)?.word ?? '';
}

/** What changed since that word; null when nobody can tell. */
export function changedSince({ changes }: ChangeLog, word: string): readonly string[] | null {
  if (word === '' && changes.length === 0) return [];
  const at = changes.findLastIndex((change) => change.word === word);
  return at === -1 ? null : changes.slice(at + 1).flatMap(({ images }) => images);
}

/** To be called once the change was made. Returns the log as it is then. STORE_WRITE_FAILED. */
export async function addChange(
  bucket: Bucket,
  images: readonly string[],
  known: ChangeLog | null,
): Promise<ChangeLog> {
  let log = known ?? (await readChangeLog(bucket));
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const changes = [...log.changes, { word: newUuid(), images: [...images] }].slice(-KEPT_CHANGES);
    const etag = await write(bucket, changes, log.etag);
    if (etag !== null) return { changes, etag };
    log = await readChangeLog(bucket);
  }
  // too many at once: without a past, so that everybody lists anew
  const changes = [{ word: newUuid(), images: [] }];
  await bucket.put(KEY, serialise(changes));
  return { changes, etag: null };
}

async function write(bucket: Bucket, changes: readonly Change[], etag: string | null): Promise<string | null> {
  const condition = etag === null ? ({ ifAbsent: true } as const) : { ifMatch: etag };
  return (await bucket.put(KEY, serialise(changes), condition))?.etag ?? null;
}

function serialise(changes: readonly Change[]): string {
  return JSON.stringify({ version: 1, changes });
}
