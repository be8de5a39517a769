import { accountOfOwner } from '../model/account.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import type { Image } from '../model/image.ts';
import { judgeCopy, listImageFiles, withSums } from '../model/image-copy.ts';
import type { ImageDraft, ImageStore } from '../model/ports/image-store.ts';
import type { Shelf } from '../model/ports/shelf.ts';
import type { CopyImageRequest } from '../model/store-requests.ts';
import { type CopyImagePlan, copyImagePlanSchema } from './copy-image-plan.ts';
import { checkQuota } from './steps/check-quota.ts';
import { checkSpace } from './steps/check-space.ts';
import { findReadableImage } from './steps/drop-unused-image.ts';
import { findImage, requireActive } from './steps/find-image.ts';
import { chooseStore } from './steps/store/choose-store.ts';
import { claimImage } from './steps/store/claim-image.ts';
import { copyImageFiles } from './steps/store/copy-image-files.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface CopyInput {
  readonly imageId: string;
  /** Of each store; null: the host's own. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Where images are, and where claims on their ids are. */
interface Place {
  readonly images: ImageStore;
  readonly shelf: Shelf;
}

/** An image comes to another store as it is, under its id; who uses it here stays with the one here. */
export const copyImage: UseCase<CopyImageRequest, CopyInput> = {
  prepare: async (core, request) => {
    const from = await findPlace(core, request.from);
    const to = await findPlace(core, request.to);
    if (from === to) throw sameStore(core, request);
    const source = { ...core, store: openPlace(core, from).images };
    const image = await findImage(source, request.image);
    requireCopyable(image);
    return {
      target: image.name,
      locks: { exclusive: [lockOf(image.id, to)], shared: [lockOf(image.id, from)] },
      input: { imageId: image.id, from, to },
    };
  },
  run: async (context, { imageId, from, to }, signal) => {
    const [source, target] = [openPlace(context, from).images, openPlace(context, to)];
    const image = await source.readImage(imageId);
    requireCopyable(image);
    if (await isThere(context, { image, target: target.images })) return { imageId };
    await target.images.assertWritable();
    await target.shelf.assertWritable();
    if (to === null) await checkQuota(context, image.sizeBytes, accountOfOwner(image, context.caller));
    await refuseWithoutRoom(context, { image, target: target.images });
    const plan: CopyImagePlan = { version: 1, imageId, location: to };
    await context.operation.enter('claim', plan);
    try {
      await claimImage(context, target.shelf, imageId);
      await copyAndPublish(context, { image, source, target: target.images, plan }, signal);
      await target.shelf.releaseClaim(imageId, context.operation.id);
    } catch (error) {
      await undoAndSettle(context, () => undo(context, target, imageId));
      throw error;
    }
    await context.operation.settle('copied');
    return { imageId };
  },
};

/** The place of a store other than the host's own; null for that. */
async function findPlace(core: Core, wanted: string | null): Promise<string | null> {
  if (wanted === null) return null;
  const store = await chooseStore(core, wanted, core.store);
  return store?.description.location ?? null;
}

function openPlace(core: Core, location: string | null): Place {
  return location === null ? { images: core.store, shelf: core.shelf } : core.stores.open(location);
}

/** One id in two stores is two things to work on. */
function lockOf(imageId: string, location: string | null): string {
  return location === null ? `image:${imageId}` : `image:${imageId}@${location}`;
}

function requireCopyable(image: Image): void {
  requireActive(image);
  if (image.properties['image_type'] !== 'shelved') return;
  throw new DarkroomError(
    'IMAGE_STATE',
    `The image ${image.name} (${image.id}) holds a shelved instance, which is more than an image and stays in its store. ` +
      'Bring it back (darkroom instance unshelve), and make an image of it, or shelve it on a host of the other store.',
    { fields: { imageId: image.id } },
  );
}

/** IMAGE_STATE where another image has its id there, or one that can be brought back. */
async function isThere(
  context: OperationContext,
  { image, target }: { readonly image: Image; readonly target: ImageStore },
): Promise<boolean> {
  const copy = await readCopy(target, image.id);
  if (copy === null) {
    await requireNotRecycled(target, image);
    return false;
  }
  const difference = copy.status === 'active' ? judgeCopy(image, copy) : `it is ${copy.status}`;
  if (difference !== null) throw inTheWay(image, target, `an image of its id already, and ${difference}`);
  context.operation.warn(`The image is in ${target.location} already: nothing was copied.`);
  return true;
}

async function readCopy(target: ImageStore, imageId: string): Promise<Image | null> {
  try {
    return await target.readImage(imageId);
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) return null;
    throw error;
  }
}

async function requireNotRecycled(target: ImageStore, image: Image): Promise<void> {
  const { recycled, broken } = await target.listRecycled();
  if (![...recycled, ...broken].some(({ id }) => id === image.id)) return;
  throw inTheWay(image, target, 'a deleted image of its id, which can be brought back: undelete it there, or purge it');
}

function inTheWay(image: Image, target: ImageStore, what: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_STATE',
    `The image ${image.name} (${image.id}) cannot be copied to ${target.location}: there is ${what}.`,
    { fields: { imageId: image.id, store: target.location } },
  );
}

/** What an interrupted try left there needs no room again, nor what goes elsewhere without a copy here. */
async function refuseWithoutRoom(
  context: OperationContext,
  { image, target }: { readonly image: Image; readonly target: ImageStore },
): Promise<void> {
  if (!target.keepsFilesHere) return;
  const draft = target.openDraft(image.id);
  let bytes = 0;
  for (const { file, sizeBytes } of listImageFiles(image)) {
    const left = await context.files.stat(draft.sealedPath(file));
    bytes += left?.sizeBytes === sizeBytes ? 0 : sizeBytes;
  }
  await checkSpace(context, [{ path: target.rootPath, bytes, what: 'the image' }]);
}

async function copyAndPublish(
  context: OperationContext,
  work: {
    readonly image: Image;
    readonly source: ImageStore;
    readonly target: ImageStore;
    readonly plan: CopyImagePlan;
  },
  signal: AbortSignal,
): Promise<void> {
  const { image, source, target, plan } = work;
  const draft = await beginDraft(target, image.id);
  await context.operation.enter('copy', plan);
  const sums = await copyImageFiles(context, { image, source, target, draft }, signal);
  await context.operation.announce('publish');
  await draft.publish(withSums(image, sums));
  context.log.info({ imageId: image.id, store: target.location, sizeBytes: image.sizeBytes }, 'image copied');
}

/** One that an interrupted copy left is gone on with. */
async function beginDraft(target: ImageStore, imageId: string): Promise<ImageDraft> {
  try {
    return await target.createDraft(imageId);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_STATE')) throw error;
    return target.openDraft(imageId);
  }
}

/** A claim that another host holds says that what is there is not ours. */
async function undo(context: OperationContext, target: Place, imageId: string): Promise<void> {
  const claim = await target.shelf.readClaim(imageId);
  if (claim?.operationId !== context.operation.id) return;
  try {
    await target.images.openDraft(imageId).discard();
  } catch (error) {
    // published all the same
    if (!hasCode(error, 'IMAGE_STATE')) throw error;
  }
  await target.shelf.releaseClaim(imageId, context.operation.id);
}

function sameStore(core: Core, { from, to }: CopyImageRequest): DarkroomError {
  const place = to ?? from ?? core.store.location;
  return new DarkroomError(
    'INVALID_REQUEST',
    `An image is copied from one store to another, and ${place} would be both: name another with --to or --from.`,
    { fields: { store: place } },
  );
}

/** What arrived is kept: nobody takes it for an image, and the same command again goes on from there. */
export const recoverCopyImage: Recover = async (core, unfinished) => {
  const { imageId, location } = copyImagePlanSchema.parse(unfinished.plan);
  const target = openPlace(core, location);
  const isWhole = (await findReadableImage({ ...core, store: target.images }, imageId)) !== null;
  await target.shelf.releaseClaim(imageId, unfinished.operation.id);
  if (isWhole) return [`The image ${imageId} had arrived in ${target.images.location}.`];
  return [
    `What had been copied of the image ${imageId} is kept in ${target.images.location}: the same command goes on from there. ` +
      'If nobody gives it, darkroom store gc removes it after a day.',
  ];
};
