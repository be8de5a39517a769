import { manifestPath } from '../../documents/layout.ts';
import type { ImagesContext } from './context.ts';
import { imagePrefix, recycledKey, usersPrefix } from './keys.ts';
import { removeLocalFiles } from './local-files.ts';
import { isPublished } from './read.ts';
import { finishRestore } from './restore.ts';
import { changeState, type KnownState, readState, type StateDocument } from './state-document.ts';
import { contended, STATE_ATTEMPTS } from './state-errors.ts';

/** From now on it can only go. */
const PURGING: StateDocument = { state: 'purging', note: null, manifest: null };

/** Its state first, so that nobody brings back a half of it. One whose restore was cut short is brought back instead: somebody wanted that. */
export async function purgeRecycled(context: ImagesContext, imageId: string): Promise<void> {
  for (let attempt = 1; attempt <= STATE_ATTEMPTS; attempt += 1) {
    const known = await readState(context.bucket, imageId);
    if (known === null || (await isPublished(context.bucket, imageId))) return;
    if (known.document?.state === 'restoring') {
      await finishRestore(context, imageId, known);
      return;
    }
    if (await takeForGood(context, imageId, known)) return;
  }
  throw contended(imageId);
}

/** Its state, then the manifest, then the rest: killed in between, it is an image, or one that is being purged. */
export async function deleteImage(context: ImagesContext, imageId: string): Promise<void> {
  for (let attempt = 1; attempt <= STATE_ATTEMPTS; attempt += 1) {
    const known = await readState(context.bucket, imageId);
    const hasManifest = await isPublished(context.bucket, imageId);
    // can be brought back, and is no image
    if (!hasManifest && known !== null && known.document?.state !== 'purging') return;
    if (!hasManifest && known === null && (await isNothing(context, imageId))) return;
    if (await takeForGood(context, imageId, known)) return;
  }
  throw contended(imageId);
}

async function isNothing(context: ImagesContext, imageId: string): Promise<boolean> {
  const { bucket } = context;
  const prefix = imagePrefix(imageId);
  if ((await bucket.list(prefix)).length > 0 || (await bucket.listUploads(prefix)).length > 0) return false;
  await removeLocalFiles(context, imageId);
  return true;
}

/** False when somebody else changed its state meanwhile. */
async function takeForGood(context: ImagesContext, imageId: string, from: KnownState | null): Promise<boolean> {
  if (from?.document?.state !== 'purging') {
    if ((await changeState(context.bucket, imageId, { from, to: PURGING })) === null) return false;
  }
  await context.bucket.remove([manifestPath('', imageId)]);
  await context.index.changed([imageId]);
  const state = (await readState(context.bucket, imageId))?.document?.state ?? null;
  // it was recycled in the moment before its manifest went, and stays so
  if (state !== 'purging') return state !== null;
  await finishPurge(context, imageId);
  return true;
}

/** All that is left, the users last, and then the word that it is being purged. */
export async function finishPurge(context: ImagesContext, imageId: string): Promise<void> {
  const { bucket } = context;
  const prefix = imagePrefix(imageId);
  await bucket.abortUploads(prefix);
  const keys = (await bucket.list(prefix)).map(({ key }) => key).filter((key) => key !== recycledKey(imageId));
  const users = keys.filter((key) => key.startsWith(usersPrefix(imageId)));
  await bucket.remove(keys.filter((key) => !users.includes(key)));
  await bucket.remove(users);
  await removeLocalFiles(context, imageId);
  await bucket.remove([recycledKey(imageId)]);
  await context.index.changed([imageId]);
}
