import { isUuid } from '../../lib/uuid.ts';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import type { RecycleNote } from '../../model/recycled-image.ts';
import type { Core, OperationContext } from '../support/context.ts';
import { findImage, requireOwnImage } from './find-image.ts';
import { dropStaleUsers, readUsage, requireUnused } from './image-users.ts';
import { undoAndSettle } from './undo-and-settle.ts';

/** What the journal says before images go. */
export interface RemovalPlan {
  readonly version: 1;
  readonly imageIds: readonly string[];
  /** Of those that can be brought back, by id; the others go for good. */
  readonly notes: Readonly<Record<string, RecycleNote>>;
}

/** Images whose removal has begun, by id; null: for good. */
export type Removals = Map<string, RecycleNote | null>;

interface RemovalOptions {
  /** What recovery has to take away already. The image is in it when its own removal could be neither ended nor undone. */
  readonly unfinished?: Removals;
  /** It cannot be brought back. */
  readonly isPurged?: boolean;
}

/**
 * Takes an image away: for good, or for the recycle period where it is sound. To be called under its lock. When it returns or
 * throws, what is in `unfinished` is on record, and nothing else.
 */
export async function removeImage(
  context: OperationContext,
  imageId: string,
  { unfinished = new Map(), isPurged = false }: RemovalOptions = {},
): Promise<void> {
  // looked at again, because both may have changed before the lock was ours
  const subject = await findDeletable(context, imageId);
  const usage = await readUsage(context, imageId);
  await requireUnused(context, subject, usage);
  unfinished.set(imageId, isPurged ? null : noteDeletion(context, subject));
  await record(context, unfinished);
  try {
    await dropStaleUsers(context, imageId, usage.stale);
    await markDeleting(context, subject);
  } catch (error) {
    await undoAndSettle(context, () => unmark(context, subject));
    if (context.operation.isSettled) {
      unfinished.delete(imageId);
      if (unfinished.size > 0) await record(context, unfinished);
    }
    throw error;
  }
  await takeAway(context, imageId, unfinished);
  unfinished.delete(imageId);
  await (unfinished.size > 0 ? record(context, unfinished) : context.operation.settle('deleted'));
}

/** null: it goes for good. One that is damaged, or failed a verify, is not worth the room. */
function noteDeletion({ clock, settings, caller }: Core, { image }: Deletable): RecycleNote | null {
  if (settings.recyclePeriodMs === 0 || (image?.status !== 'active' && image?.status !== 'deleting')) return null;
  const now = clock.now();
  return {
    deletedAt: now.toISOString(),
    deletedBy: caller.name,
    expiresAt: new Date(now.getTime() + settings.recyclePeriodMs).toISOString(),
  };
}

async function takeAway(context: OperationContext, imageId: string, unfinished: Removals): Promise<void> {
  const note = unfinished.get(imageId) ?? null;
  try {
    if (note !== null) return await recycle(context, imageId, note);
  } catch (error) {
    // not even the note has room: then the room is wanted more than the image
    if (!hasCode(error, 'NO_SPACE')) throw error;
    context.operation.warn(`The store is full, so the image ${imageId} was deleted for good.`);
    unfinished.set(imageId, null);
    await record(context, unfinished);
  }
  await context.store.deleteImage(imageId);
}

/** Another host may have deleted it too, and purged it. */
async function recycle({ store }: Core, imageId: string, note: RecycleNote): Promise<void> {
  try {
    await store.recycleImage(imageId, note);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
  }
}

async function record({ operation }: OperationContext, removals: Removals): Promise<void> {
  const notes = [...removals].flatMap(([id, note]) => (note === null ? [] : [[id, note] as const]));
  const plan: RemovalPlan = { version: 1, imageIds: [...removals.keys()], notes: Object.fromEntries(notes) };
  await operation.enter('delete', plan);
}

export interface Deletable {
  readonly id: string;
  readonly name: string;
  /** null: its manifest cannot be read. */
  readonly image: Image | null;
}

export async function findDeletable(core: Core, reference: string): Promise<Deletable> {
  try {
    const image = await findImage(core, reference);
    requireOwnImage(core, image);
    requireUnprotected(image);
    return { id: image.id, name: image.name, image };
  } catch (error) {
    // whose it is stands in what cannot be read
    if (!isUuid(reference) || !hasCode(error, 'IMAGE_DAMAGED') || core.caller.role !== 'admin') throw error;
    const id = reference.toLowerCase();
    return { id, name: id, image: null };
  }
}

/** It may be all that there is of a machine: a record that cannot be read may be of one that is in it. */
export async function requireUnshelved(core: Core, subject: Deletable): Promise<void> {
  const { instances, broken } = await core.shelf.list();
  const record = instances.find(({ imageId }) => imageId === subject.id);
  const mayBeShelved = subject.image === null || subject.image.properties['image_type'] === 'shelved';
  const [unreadable] = mayBeShelved ? broken : [];
  if (record === undefined && unreadable === undefined) return;
  const who = record === undefined ? `one whose record is broken (${unreadable?.id})` : `${record.name} (${record.id})`;
  throw new DarkroomError(
    'IMAGE_IN_USE',
    `The image ${subject.name} (${subject.id}) holds the shelved instance ${who}. Bring that back ` +
      '(darkroom instance unshelve), or give it up (darkroom instance delete).',
    { fields: { imageId: subject.id, instanceId: record?.id ?? unreadable?.id ?? null } },
  );
}

function requireUnprotected(image: Image): void {
  if (!image.protected) return;
  throw new DarkroomError(
    'IMAGE_PROTECTED',
    `The image ${image.name} (${image.id}) is protected. If it may go: darkroom image set ${image.id} --no-protected`,
    { fields: { imageId: image.id } },
  );
}

/**
 * A launch on another host knows nothing of our lock: it records itself as a user and then looks at the status. We write
 * the status and then look at the users, so that one of both always sees the other.
 */
async function markDeleting(core: Core, subject: Deletable): Promise<void> {
  const { image } = subject;
  if (image !== null && image.status !== 'deleting') await core.store.updateImage({ ...image, status: 'deleting' });
  await requireUnused(core, subject, await readUsage(core, subject.id));
  await requireUnshelved(core, subject);
}

async function unmark(core: Core, { image }: Deletable): Promise<void> {
  if (image === null) return;
  const { status } = await core.store.readImage(image.id);
  if (status !== 'deleting') return;
  await core.store.updateImage({ ...image, status: image.status === 'error' ? 'error' : 'active' });
}

/** Forwards, once an image was marked: whoever asked wants it gone, unless an instance came to depend on it. */
export async function recoverRemoval(core: Core, { imageIds, notes }: RemovalPlan): Promise<readonly string[]> {
  const told: string[] = [];
  for (const imageId of imageIds) told.push(await finishRemoval(core, imageId, notes[imageId] ?? null));
  return told;
}

async function finishRemoval(core: Core, imageId: string, note: RecycleNote | null): Promise<string> {
  try {
    const subject = await findDeletable(core, imageId);
    if (subject.image !== null && subject.image.status !== 'deleting') return `The image ${imageId} was not touched.`;
    await markDeleting(core, subject).catch(async (error: unknown) => {
      await unmark(core, subject);
      throw error;
    });
  } catch (error) {
    if (hasCode(error, 'IMAGE_IN_USE', 'IMAGE_PROTECTED')) return `The image ${imageId} was kept: ${error.message}`;
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    // it was moved as a whole, so that nothing is left of it here; and whoever brings it back just now shall keep it
    if (note !== null) return `The image ${imageId} had been deleted.`;
  }
  await (note === null ? core.store.deleteImage(imageId) : recycle(core, imageId, note));
  return `The image ${imageId} was deleted.`;
}
