import { hasCode } from '../../../model/errors.ts';
import { NVRAM_FILE, TPM_FOLDER } from '../../../model/image.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** Removes the definition, and of the firmware's state only what the image, or its draft, holds. No error when it is gone. */
export async function undefineCaptured(core: Core, instanceId: string, { files }: ShelvedInstance): Promise<void> {
  const hasNvram = files.some(({ file }) => file === NVRAM_FILE);
  const hasTpm = files.some(({ file }) => file.startsWith(`${TPM_FOLDER}/`));
  try {
    await core.hypervisor.undefineDomain(instanceId, {
      nvram: hasNvram ? 'remove' : 'keep',
      tpm: hasTpm ? 'remove' : 'keep',
    });
  } catch (error) {
    if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
  }
}
