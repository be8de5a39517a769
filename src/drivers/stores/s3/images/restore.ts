import { imageNotFound, manifestPath } from '../../documents/layout.ts';
import { damaged, parseManifest, serialiseManifest } from '../../documents/manifest.ts';
import type { ImagesContext } from './context.ts';
import { isPublished } from './read.ts';
import { changeState, type KnownState, readState, type StateDocument } from './state-document.ts';
import { contended, STATE_ATTEMPTS } from './state-errors.ts';

/** Its state first, so that nobody purges it any more, then its manifest. Whoever finds one that was cut short in between ends it. */
export async function restoreImage(context: ImagesContext, imageId: string): Promise<void> {
  for (let attempt = 1; attempt <= STATE_ATTEMPTS; attempt += 1) {
    const known = await readState(context.bucket, imageId);
    const document = known?.document ?? null;
    if (await isPublished(context.bucket, imageId)) return;
    if (known === null || document?.state === 'purging' || document?.state === 'restored') throw imageNotFound(imageId);
    if (document === null) throw damaged(imageId, 'its recycled.json cannot be read');
    // before anything is changed
    makeManifest(document, imageId);
    const restoring =
      document.state === 'restoring'
        ? known
        : await changeState(context.bucket, imageId, { from: known, to: { ...document, state: 'restoring' } });
    if (restoring === null) continue;
    await finishRestore(context, imageId, restoring);
    return;
  }
  throw contended(imageId);
}

/** The manifest of one that is being restored, and that it is. */
export async function finishRestore(context: ImagesContext, imageId: string, restoring: KnownState): Promise<void> {
  const { bucket } = context;
  const { document } = restoring;
  if (document === null) throw imageNotFound(imageId);
  await bucket.put(manifestPath('', imageId), makeManifest(document, imageId), { ifAbsent: true });
  const to: StateDocument = { state: 'restored', note: null, manifest: null };
  const restored = await changeState(bucket, imageId, { from: restoring, to });
  if (restored === null) await withdrawLate(context, imageId);
  await context.index.changed([imageId]);
}

/** Others ended it meanwhile. Where it was deleted again since, our manifest came too late. */
async function withdrawLate(context: ImagesContext, imageId: string): Promise<void> {
  const state = (await readState(context.bucket, imageId))?.document?.state ?? null;
  if (state === 'restored' || state === 'restoring') return;
  await context.bucket.remove([manifestPath('', imageId)]);
  if (state !== 'recycled') throw imageNotFound(imageId);
}

function makeManifest(document: StateDocument, imageId: string): string {
  const image = parseManifest(document.manifest ?? '', imageId);
  return serialiseManifest({ ...image, status: 'active' });
}
