import { z } from 'zod';
import { mapConcurrently } from '../../../../lib/async.ts';
import type { ImageStore } from '../../../../model/ports/image-store.ts';
import type { StoreFinding } from '../../../../model/store.ts';
import { isUuid, MANIFEST_FILE, RECYCLED_FILE } from '../../documents/layout.ts';
import { MAX_MANIFEST_BYTES } from '../../documents/manifest.ts';
import { type EntryGroup, groupEntries } from '../../upkeep/entries.ts';
import type { Bucket } from '../bucket.ts';

const CONCURRENT_READS = 16;
/** Whoever is at it takes moments, unless it died. */
const CUT_MS = 60 * 60 * 1000;

/** What else there is in it is no matter here. */
const note = z.looseObject({ state: z.enum(['recycled', 'restoring', 'restored', 'purging']) });

/** Deleted images whose purge, or whose way back, somebody left in the middle. STORE_UNUSABLE. */
export async function findCutPurges(bucket: Bucket, signal?: AbortSignal): Promise<readonly StoreFinding[]> {
  const entries = await bucket.list('images/', signal);
  const all = entries.map(({ key, sizeBytes, modifiedAt }) => ({ key, sizeBytes, since: modifiedAt }));
  const groups = groupEntries(all, 'images/').filter(isDeleted);
  const found = await mapConcurrently(groups, CONCURRENT_READS, (group) => judge(bucket, group));
  return found.filter((finding) => finding !== null);
}

/** True when all of it is gone now. STORE_WRITE_FAILED. */
export async function endPurge(
  { bucket, images }: { readonly bucket: Bucket; readonly images: Pick<ImageStore, 'purgeRecycled'> },
  { subject }: StoreFinding,
): Promise<boolean> {
  if (!isUuid(subject) || (await readState(bucket, `images/${subject}/${RECYCLED_FILE}`)) !== 'purging') return false;
  await images.purgeRecycled(subject);
  return true;
}

/** An image whose manifest is there is an image, whatever else says. */
function isDeleted({ name, entries }: EntryGroup): boolean {
  const names = entries.map(({ rest }) => rest);
  return isUuid(name) && names.includes(RECYCLED_FILE) && !names.includes(MANIFEST_FILE);
}

async function judge(bucket: Bucket, { name, entries }: EntryGroup): Promise<StoreFinding | null> {
  const since = entries.find(({ rest }) => rest === RECYCLED_FILE)?.since ?? null;
  const isYoung = since !== null && Date.now() - Date.parse(since) < CUT_MS;
  const state = isYoung ? null : await readState(bucket, `images/${name}/${RECYCLED_FILE}`);
  if (state !== 'purging' && state !== 'restoring') return null;
  const isPurge = state === 'purging';
  return {
    kind: 'half-deleted',
    subject: name,
    message: isPurge
      ? `The deleted image ${name} was purged in part`
      : `The deleted image ${name} was brought back in part: undelete it again`,
    bytes: isPurge ? entries.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0) : null,
    since,
    isRemovable: isPurge,
  };
}

/** null for what says nothing that we know. */
async function readState(bucket: Bucket, key: string): Promise<z.infer<typeof note>['state'] | null> {
  const found = await bucket.get(key, { maxBytes: MAX_MANIFEST_BYTES });
  if (found === null) return null;
  try {
    return note.parse(JSON.parse(found.content.toString('utf8'))).state;
  } catch {
    return null;
  }
}
