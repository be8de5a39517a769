import { hasCode } from '../model/errors.ts';
import type { Image, ImageVisibility } from '../model/image.ts';
import { requireImageName } from '../model/image-request-rules.ts';
import type { PushImageRequest } from '../model/store-requests.ts';
import { type PushPlan, pushPlanSchema } from './push-plan.ts';
import { findImage, requireActive } from './steps/find-image.ts';
import { askSoon } from './steps/service/ask-soon.ts';
import { pickDisk } from './steps/service/pick-disk.ts';
import { sendImage } from './steps/service/send-image.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface PushInput {
  readonly imageId: string;
  readonly service: string;
  readonly name: string;
  readonly disk: string;
  readonly visibility: ImageVisibility;
}

/** One disk of an image becomes an image of an OpenStack image service. */
export const pushImage: UseCase<PushImageRequest, PushInput> = {
  prepare: async (core, request) => {
    const service = core.imageServices.open(request.service);
    const image = await findImage(core, request.image);
    requireActive(image);
    const { target } = pickDisk(image, request.disk);
    const name = request.name ?? image.name;
    requireImageName(name);
    await askSoon(service, (signal) => service.check(signal));
    return {
      target: image.name,
      locks: { exclusive: [], shared: [`image:${image.id}`] },
      input: {
        imageId: image.id,
        service: request.service,
        name,
        disk: target,
        visibility: request.visibility ?? image.visibility,
      },
    };
  },
  run: async (context, { imageId, service: serviceName, name, visibility, disk: target }, signal) => {
    const image = await context.store.readImage(imageId);
    requireActive(image);
    const disk = pickDisk(image, target);
    const service = context.imageServices.open(serviceName);
    const made = await sendImage(context, { service, image, disk, name, visibility }, signal);
    const result = { imageId, serviceImageId: made.id };
    await context.operation.saveResult(result);
    await context.operation.settle('pushed');
    warnOfLoss(context, image);
    return result;
  },
};

/** An image of an image service is a disk and its properties. */
function warnOfLoss(context: OperationContext, image: Image): void {
  if (image.nvram !== null)
    context.operation.warn(
      'The UEFI variables of the image stay here: instances that OpenStack makes of it begin with fresh ones, and boot by ' +
        'the fallback path (\\EFI\\BOOT).',
    );
  if (image.tpm.length > 0)
    context.operation.warn(
      'The TPM state of the image stays here: what its guest sealed with it cannot be opened in OpenStack.',
    );
}

export const recoverPushImage: Recover = async (core, unfinished) => {
  const plan = pushPlanSchema.parse(unfinished.plan);
  const service = core.imageServices.open(plan.service);
  const where = `the image ${plan.serviceImageId} of ${plan.service}`;
  if (await isWhole(core, plan)) return [`The data had all arrived: ${where} was kept.`];
  await askSoon(service, (signal) => service.delete(plan.serviceImageId, signal));
  return [`What had been pushed was deleted again: ${where}.`];
};

/** Looked at first: what is not active need not be read here. */
async function isWhole(core: Core, plan: PushPlan): Promise<boolean> {
  const service = core.imageServices.open(plan.service);
  try {
    const { status } = await askSoon(service, (signal) => service.find(plan.serviceImageId, signal));
    if (status !== 'active') return false;
    return await service.holds(plan.serviceImageId, await core.store.resolveFile(plan.imageId, plan.file));
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) return false;
    throw error;
  }
}
