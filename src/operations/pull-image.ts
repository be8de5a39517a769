import { newUuid } from '../lib/uuid.ts';
import type { Image } from '../model/image.ts';
import { requireImageName } from '../model/image-request-rules.ts';
import type { ImageService } from '../model/ports/image-service.ts';
import type { PullImageRequest } from '../model/store-requests.ts';
import { type PullPlan, pullPlanSchema } from './pull-plan.ts';
import { checkQuota } from './steps/check-quota.ts';
import { publishTakenIn } from './steps/publish-taken-in.ts';
import { removeUnpublished } from './steps/remove-unpublished.ts';
import { askSoon } from './steps/service/ask-soon.ts';
import { fetchImage, type Pullable, requirePullable } from './steps/service/fetch-image.ts';
import { undoAndSettle } from './steps/undo-and-settle.ts';
import type { OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface PullInput {
  readonly service: string;
  /** Of the image there. */
  readonly serviceImageId: string;
  readonly name: string;
}

/** An image of an OpenStack image service becomes one of this host's store. */
export const pullImage: UseCase<PullImageRequest, PullInput> = {
  prepare: async (core, request) => {
    const service = core.imageServices.open(request.service);
    const image = await askSoon(service, (signal) => service.find(request.image, signal));
    const { sizeBytes } = requirePullable(service, image);
    const name = request.name ?? image.name;
    requireImageName(name);
    await checkQuota(core, sizeBytes);
    return {
      target: name,
      locks: { exclusive: [], shared: [] },
      input: { service: request.service, serviceImageId: image.id, name },
    };
  },
  run: async (context, input, signal) => {
    await context.store.assertWritable();
    const service = context.imageServices.open(input.service);
    const pullable = requirePullable(service, await service.find(input.serviceImageId, signal));
    await checkQuota(context, pullable.sizeBytes);
    const plan: PullPlan = { version: 1, imageId: newUuid() };
    await context.operation.enter('pull', plan);
    try {
      const { name } = input;
      const image = await fillAndPublish(context, { service, pullable, name, imageId: plan.imageId }, signal);
      await context.operation.settle('published');
      return { imageId: image.id };
    } catch (error) {
      await undoAndSettle(context, () => removeUnpublished(context, plan.imageId));
      throw error;
    }
  },
};

async function fillAndPublish(
  context: OperationContext,
  work: {
    readonly service: ImageService;
    readonly pullable: Pullable;
    readonly name: string;
    readonly imageId: string;
  },
  signal: AbortSignal,
): Promise<Image> {
  const draft = await context.store.createDraft(work.imageId);
  const made = await fetchImage(context, { ...work, draft }, signal);
  return await publishTakenIn(context, { draft, made }, signal);
}

export const recoverPullImage: Recover = async (core, unfinished) => {
  const { imageId } = pullPlanSchema.parse(unfinished.plan);
  const isKept = await removeUnpublished(core, imageId);
  return [isKept ? `The image ${imageId} had been published and was kept.` : 'What had been pulled was removed.'];
};
