import { z } from 'zod';
import type { DeleteImageRequest } from '../model/requests.ts';
import { readUsage, requireUnused } from './steps/image-users.ts';
import { findDeletable, recoverRemoval, removeImage, requireUnshelved } from './steps/remove-image.ts';
import type { Recover, UseCase } from './support/use-case.ts';

const versionSchema = z.literal(1);

export const removalPlanSchema = z.union([
  z.strictObject({ version: versionSchema, imageIds: z.array(z.string()) }),
  // as it was before backups
  z
    .strictObject({ version: versionSchema, imageId: z.string() })
    .transform(({ version, imageId }) => ({ version, imageIds: [imageId] })),
]);

interface DeleteInput {
  readonly imageId: string;
}

export const deleteImage: UseCase<DeleteImageRequest, DeleteInput> = {
  prepare: async (core, request) => {
    const subject = await findDeletable(core, request.image);
    await requireUnused(core, subject, await readUsage(core, subject.id));
    await requireUnshelved(core, subject);
    return {
      target: subject.name,
      locks: { exclusive: [`image:${subject.id}`], shared: [] },
      input: { imageId: subject.id },
    };
  },
  run: async (context, { imageId }) => {
    await removeImage(context, imageId);
    return { imageId };
  },
};

export const recoverDeleteImage: Recover = (core, unfinished) =>
  recoverRemoval(core, removalPlanSchema.parse(unfinished.plan));
