import { z } from 'zod';
import { hasCode } from '../model/errors.ts';
import type { DeleteImageRequest } from '../model/requests.ts';
import { findPurgeable } from './steps/find-recycled.ts';
import { readUsage, requireUnused } from './steps/image-users.ts';
import { tryPurgeExpired } from './steps/purge-expired.ts';
import { findDeletable, recoverRemoval, removeImage, requireUnshelved } from './steps/remove-image.ts';
import type { Core } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

const versionSchema = z.literal(1);
const noteSchema = z.strictObject({ deletedAt: z.string(), deletedBy: z.string().nullable(), expiresAt: z.string() });

export const removalPlanSchema = z.union([
  z.strictObject({ version: versionSchema, imageIds: z.array(z.string()), notes: z.record(z.string(), noteSchema) }),
  // as it was before backups
  z
    .strictObject({ version: versionSchema, imageId: z.string() })
    .transform(({ version, imageId }) => ({ version, imageIds: [imageId], notes: {} })),
]);

interface DeleteInput {
  readonly imageId: string;
  readonly isPurged: boolean;
  /** It was deleted before, and can still be brought back. */
  readonly isRecycled: boolean;
}

export const deleteImage: UseCase<DeleteImageRequest, DeleteInput> = {
  prepare: async (core, { image, isPurged = false }) => {
    const { id, name, isRecycled } = await findSubject(core, { image, isPurged });
    return {
      target: name,
      locks: { exclusive: [`image:${id}`], shared: [] },
      input: { imageId: id, isPurged, isRecycled },
    };
  },
  run: async (context, { imageId, isPurged, isRecycled }) => {
    if (isRecycled) await context.store.purgeRecycled(imageId);
    else await removeImage(context, imageId, { isPurged });
    await tryPurgeExpired(context);
    return { imageId };
  },
};

interface Subject {
  readonly id: string;
  readonly name: string;
  readonly isRecycled: boolean;
}

/** One that was deleted before is meant only where no other is. */
async function findSubject(
  core: Core,
  { image, isPurged }: Pick<Required<DeleteImageRequest>, 'image' | 'isPurged'>,
): Promise<Subject> {
  try {
    const subject = await findDeletable(core, image);
    await requireUnused(core, subject, await readUsage(core, subject.id));
    await requireUnshelved(core, subject);
    return { ...subject, isRecycled: false };
  } catch (error) {
    if (!isPurged || !hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    return { ...(await findPurgeable(core, image)), isRecycled: true };
  }
}

export const recoverDeleteImage: Recover = (core, unfinished) =>
  recoverRemoval(core, removalPlanSchema.parse(unfinished.plan));
