import { toDarkroomError } from '../../model/errors.ts';
import type { RecycledImage } from '../../model/recycled-image.ts';
import type { Core } from '../support/context.ts';

/** Some file systems free what was deleted a moment later. */
const SETTLE_ATTEMPTS = 5;
const SETTLE_MS = 200;

interface Shortage {
  readonly place: string;
  readonly device: number;
  readonly wantedBytes: number;
  readonly freeBytes: number;
}

/**
 * Purges deleted images of the store, those that were deleted first, until `wantedBytes` are free; where the store is elsewhere, drops
 * copies of what it holds. Nothing where those lie on another file system, or where all deleted images together would not be enough.
 * Returns what is free then. Never throws for the images' sake.
 */
export async function makeRoom(core: Core, shortage: Shortage): Promise<number> {
  if ((await core.files.stat(core.store.rootPath))?.device !== shortage.device) return shortage.freeBytes;
  return core.store.keepsFilesHere ? await purgeDeleted(core, shortage) : await dropCopies(core, shortage);
}

/** What a store elsewhere holds frees nothing here; copies of it do. */
async function dropCopies(core: Core, { place, wantedBytes, freeBytes }: Shortage): Promise<number> {
  try {
    const freed = await core.upkeep.freeCache(wantedBytes - freeBytes);
    if (freed === 0) return freeBytes;
    core.log.info({ freedBytes: freed, path: core.store.rootPath }, 'copies of what the store holds made room');
  } catch (error) {
    core.log.warn({ error: toDarkroomError(error).message }, 'copies of what the store holds cannot make room');
  }
  return await core.files.freeBytes(place);
}

async function purgeDeleted(core: Core, shortage: Shortage): Promise<number> {
  let { freeBytes } = shortage;
  const candidates = await findCandidates(core);
  const promisedBytes = candidates.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (freeBytes + promisedBytes < shortage.wantedBytes) return freeBytes;
  for (const candidate of candidates) {
    if (freeBytes >= shortage.wantedBytes) break;
    if (await purge(core, candidate)) freeBytes = await measure(core, { ...shortage, freeBytes }, candidate.sizeBytes);
  }
  return freeBytes;
}

async function findCandidates(core: Core): Promise<readonly RecycledImage[]> {
  try {
    return (await core.store.listRecycled()).recycled;
  } catch (error) {
    core.log.warn({ error: toDarkroomError(error).message }, 'deleted images cannot make room');
    return [];
  }
}

async function purge(core: Core, { id, image, sizeBytes, deletedAt }: RecycledImage): Promise<boolean> {
  try {
    await core.store.purgeRecycled(id);
  } catch (error) {
    core.log.warn({ imageId: id, error: toDarkroomError(error).message }, 'a deleted image could not be purged');
    return false;
  }
  core.log.warn({ imageId: id, name: image.name, sizeBytes, deletedAt }, 'a deleted image was purged to make room');
  return true;
}

async function measure(core: Core, shortage: Shortage, purgedBytes: number): Promise<number> {
  const hopedBytes = Math.min(shortage.wantedBytes, shortage.freeBytes + purgedBytes);
  for (let attempt = 1; ; attempt += 1) {
    const freeBytes = await core.files.freeBytes(shortage.place);
    if (freeBytes >= hopedBytes || attempt >= SETTLE_ATTEMPTS) return freeBytes;
    await core.clock.sleep(SETTLE_MS);
  }
}
