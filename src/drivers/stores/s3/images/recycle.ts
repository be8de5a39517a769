import type { RecycleNote } from '../../../../model/recycled-image.ts';
import { imageNotFound, manifestPath } from '../../documents/layout.ts';
import type { ImagesContext } from './context.ts';
import { finishPurge } from './purge.ts';
import { isPublished, readManifest } from './read.ts';
import { changeState, type KnownState, readState, type StateDocument } from './state-document.ts';
import { contended, STATE_ATTEMPTS } from './state-errors.ts';

/**
 * What it was is written beside it, then the manifest goes: a kill before that leaves an image, one after it a recycled image. Its files
 * stay where they are.
 */
export async function recycleImage(context: ImagesContext, imageId: string, note: RecycleNote): Promise<void> {
  for (let attempt = 1; attempt <= STATE_ATTEMPTS; attempt += 1) {
    const manifest = await readManifestText(context, imageId);
    const from = await readState(context.bucket, imageId);
    if (manifest === null) {
      requireRecycled(imageId, from);
      return;
    }
    const to: StateDocument = { state: 'recycled', note, manifest };
    const written = await changeState(context.bucket, imageId, { from, to });
    if (written === null) continue;
    if (from?.document?.state === 'purging') await requireOverPurge(context, imageId, written);
    await context.bucket.remove([manifestPath('', imageId)]);
    await context.index.changed([imageId]);
    requireRecycled(imageId, await readState(context.bucket, imageId));
    return;
  }
  throw contended(imageId);
}

async function readManifestText(context: ImagesContext, imageId: string): Promise<string | null> {
  return (await readManifest(context.bucket, imageId))?.content.toString('utf8') ?? null;
}

/** Somebody who restores it at this moment found it recycled. */
function requireRecycled(imageId: string, known: KnownState | null): void {
  const state = known?.document?.state ?? null;
  if (state === null || state === 'purging') throw imageNotFound(imageId);
}

/** A delete that was under way: where it took the manifest before we came, it has the files too. */
async function requireOverPurge(context: ImagesContext, imageId: string, written: KnownState): Promise<void> {
  if (await isPublished(context.bucket, imageId)) return;
  const to: StateDocument = { state: 'purging', note: null, manifest: null };
  const back = await changeState(context.bucket, imageId, { from: written, to });
  if (back !== null) await finishPurge(context, imageId);
  throw imageNotFound(imageId);
}
