import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { Core } from '../../support/context.ts';
import { guestOwnership } from './instance-folder.ts';

/** The image's firmware variables as those of the instance. Without any in the image libvirt makes new ones at the first start. */
export async function copyNvram(core: Core, image: Image, target: string): Promise<void> {
  const { nvram } = image;
  if (nvram === null) return;
  await core.files.copy(await core.store.resolveFile(image.id, nvram.file), target);
  const sha256 = await core.files.hash(target);
  if (sha256 !== nvram.sha256) {
    throw new DarkroomError(
      'IMAGE_DAMAGED',
      `The image ${image.name} (${image.id}) is damaged: the SHA-256 of ${nvram.file} is ${sha256}, and should be ${nvram.sha256}.`,
      { fields: { imageId: image.id, file: nvram.file } },
    );
  }
  await core.files.setOwnership(target, await guestOwnership(core));
}
