import { DarkroomError, hasCode } from '../model/errors.ts';
import type { BootProof, Image } from '../model/image.ts';
import { imageChecksum } from '../model/image-rules.ts';
import type { VerifyImageRequest } from '../model/requests.ts';
import { requireKey } from './steps/encrypted-image.ts';
import { findImage, requireOwnImage } from './steps/find-image.ts';
import { fetchImage } from './steps/store/fetch-files.ts';
import { bootImage, removeBoot } from './steps/verify/boot-image.ts';
import { verifyFiles } from './steps/verify/verify-files.ts';
import type { Core, OperationContext } from './support/context.ts';
import type { Recover, UseCase } from './support/use-case.ts';
import { verifyPlanSchema } from './verify-plan.ts';

interface VerifyInput {
  readonly imageId: string;
  /** null: its files are read only. */
  readonly boot: { readonly expect: string | null; readonly timeoutMs: number } | null;
}

/** Reads an image again and says whether it is what it was; on request starts it for a moment. */
export const verifyImage: UseCase<VerifyImageRequest, VerifyInput> = {
  prepare: async (core, request) => {
    const image = await findImage(core, request.image);
    requireOwnImage(core, image);
    requireReadable(image);
    await requireKey(core, image);
    const { isBooted, expect, timeoutMs } = request;
    return {
      target: image.name,
      locks: { exclusive: [], shared: [`image:${image.id}`] },
      input: { imageId: image.id, boot: isBooted ? { expect, timeoutMs } : null },
    };
  },
  run: async (context, { imageId, boot }, signal) => {
    const image = await context.store.readImage(imageId);
    requireReadable(image);
    await context.operation.announce('read');
    try {
      await fetchImage(context, image, { signal, step: 'read', isFresh: true });
      await recordSound(context, { ...image, disks: await verifyFiles(context, image, signal) });
    } catch (error) {
      if (hasCode(error, 'IMAGE_DAMAGED')) await recordDamage(context, imageId);
      throw error;
    }
    if (boot !== null) await proveBoot(context, { image, ...boot }, signal);
    return { imageId };
  },
};

/** Whether it came up goes on record either way; that it was not tried to the end does not. */
async function proveBoot(
  context: OperationContext,
  job: { readonly image: Image } & NonNullable<VerifyInput['boot']>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await bootImage(context, job, signal);
  } catch (error) {
    if (hasCode(error, 'VERIFY_FAILED')) await recordBoot(context, job.image.id, { hasBooted: false });
    throw error;
  }
  await recordBoot(context, job.image.id, { hasBooted: true });
}

/** A store that cannot be written is no reason to say that an image does not boot. */
async function recordBoot(
  context: OperationContext,
  imageId: string,
  proof: Pick<BootProof, 'hasBooted'>,
): Promise<void> {
  try {
    const current = await context.store.readImage(imageId);
    if (current.status === 'deleting') return;
    await context.store.updateImage({ ...current, bootProof: { at: context.clock.now().toISOString(), ...proof } });
  } catch (error) {
    context.log.error({ imageId, error: String(error) }, 'what came of a boot could not be recorded');
    context.operation.warn('What came of the boot could not be recorded in the store.');
  }
}

function requireReadable(image: Image): void {
  if (image.status === 'active' || image.status === 'error') return;
  throw new DarkroomError(
    'IMAGE_STATE',
    `The image ${image.name} (${image.id}) is ${image.status}: there is nothing to verify.`,
    {
      fields: { imageId: image.id, status: image.status },
    },
  );
}

/** Sums that were not known yet are, from here on; an image that failed before is itself again. */
async function recordSound(core: Core, verified: Image): Promise<void> {
  const current = await core.store.readImage(verified.id);
  const checksum = imageChecksum(verified.disks);
  // what is going, or moving out to its machine, goes on doing so
  if (current.status === 'deleting') return;
  if (current.status === 'active' && current.checksum.value === checksum.value) return;
  await core.store.updateImage({ ...current, status: 'active', disks: verified.disks, checksum });
}

/** A store that cannot be written either must not hide the damage. */
async function recordDamage(core: Core, imageId: string): Promise<void> {
  try {
    const current = await core.store.readImage(imageId);
    if (current.status !== 'error' && current.status !== 'deleting')
      await core.store.updateImage({ ...current, status: 'error' });
  } catch (error) {
    core.log.error({ imageId, error: String(error) }, 'the damage of an image could not be recorded');
  }
}

export const recoverVerifyImage: Recover = async (core, unfinished) => {
  await removeBoot(core, verifyPlanSchema.parse(unfinished.plan));
  return ['The machine that the image was tried in was removed.'];
};
