import { DarkroomError } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';
import type { Inspection } from '../capture/inspect-instance.ts';

/** IMAGE_DAMAGED unless the structure of every disk is sound: what is about to become the only copy. Raw files have none. */
export async function requireSound(core: Core, { selection }: Inspection, signal: AbortSignal): Promise<void> {
  for (const { target, path, format } of selection.captured) {
    if (format === 'raw') continue;
    const { isSound, corruptions, checkErrors } = await core.diskTool.check({ path, format }, signal);
    if (isSound) continue;
    throw new DarkroomError(
      'IMAGE_DAMAGED',
      `Disk ${target} is damaged: qemu-img check found ${corruptions} corruptions and ${checkErrors} errors in ${path}. ` +
        'It is not moved from where it is.',
      { fields: { target, path, corruptions, checkErrors } },
    );
  }
}
