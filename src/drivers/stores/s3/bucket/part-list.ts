import { z } from 'zod';
import type { ObjectEntry } from '../bucket.ts';
import { bareEtag } from './digests.ts';
import { MOST_PARTS } from './part-plan.ts';

/** How long the parts of an object are, and what their checksums are. */
export interface PartList {
  readonly sizeBytes: number;
  readonly partBytes: number;
  /** Lower-case hex, in the order of the parts. */
  readonly sha256: readonly string[];
  /** Of the whole, from the same look at the same bytes; null: in lists of before there was one. */
  readonly wholeSha256: string | null;
}

/**
 * Beside an object that was uploaded from a file stands the list of it, with its etag. While another one is on its way, the list of that
 * one stands there too, with null, since its etag is not known: whichever of the two objects is there, its list is.
 */
export interface OwnedList extends PartList {
  readonly etag: string | null;
}

/** Two, each of the most parts that there may be. */
export const MAX_LISTS_BYTES = 2 * 1024 * 1024;
const DIGEST = /^[0-9a-f]{64}$/;

const list = z
  .object({
    etag: z.string().nullable(),
    sizeBytes: z.int().min(0),
    partBytes: z.int().min(1),
    sha256: z.array(z.string().regex(DIGEST)).min(1).max(MOST_PARTS),
    wholeSha256: z.string().regex(DIGEST).nullable().default(null),
  })
  .refine(({ sizeBytes, partBytes, sha256 }) => sha256.length === Math.max(1, Math.ceil(sizeBytes / partBytes)));
const document = z.object({ version: z.literal(1), lists: z.array(list).min(1) });

export function serialiseLists(lists: readonly OwnedList[]): string {
  return `${JSON.stringify({ version: 1, lists })}\n`;
}

/** null for what is no such document. */
export function parseLists(content: Buffer): readonly OwnedList[] | null {
  try {
    return document.parse(JSON.parse(content.toString('utf8'))).lists;
  } catch {
    return null;
  }
}

/** The list of the object that has this etag; null where it has none. */
export function listOf(lists: readonly OwnedList[], entry: Pick<ObjectEntry, 'etag' | 'sizeBytes'>): PartList | null {
  const owned = lists.find(({ etag }) => etag !== null && bareEtag(etag) === bareEtag(entry.etag));
  const found = owned ?? lists.find(({ etag }) => etag === null);
  return found?.sizeBytes === entry.sizeBytes ? found : null;
}

/** Of an object that stays as it is and whose etag no list has: who copies a bucket makes objects with other etags. */
export function listOfCopy(
  lists: readonly OwnedList[],
  { sizeBytes }: Pick<ObjectEntry, 'sizeBytes'>,
): PartList | null {
  return lists.find((each) => each.sizeBytes === sizeBytes) ?? null;
}
