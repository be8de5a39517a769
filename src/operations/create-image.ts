import { requireImageName, requireProperties } from '../model/image-request-rules.ts';
import type { CreateImageRequest } from '../model/requests.ts';
import { type CaptureInput, captureLocks, captureToImage, recoverCapture } from './steps/capture/capture-to-image.ts';
import { requireEncryptable } from './steps/encrypted-image.ts';
import { findInstance } from './steps/find-instance.ts';
import type { Recover, UseCase } from './support/use-case.ts';

/** A guest, running or not, becomes a bootable image that stands alone; the guest stays as it was. */
export const createImage: UseCase<CreateImageRequest, CaptureInput> = {
  prepare: async (core, request) => {
    requireImageName(request.name);
    requireProperties(request.properties);
    await requireEncryptable(core, request);
    const domain = await findInstance(core, request.instance);
    return {
      target: domain.name,
      locks: captureLocks(domain.uuid),
      input: { instanceId: domain.uuid, request, type: { imageType: 'snapshot' } },
    };
  },
  run: async (context, input, signal) => {
    const image = await captureToImage(context, input, signal);
    return { imageId: image.id, instanceId: input.instanceId };
  },
};

/** For a capture whose process died, at whatever step. */
export const recoverCreateImage: Recover = recoverCapture;
