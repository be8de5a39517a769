import { DarkroomError } from '../../../model/errors.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** DISK_MISSING rather than an image deleted for disks, or firmware variables, that are not there. */
export async function requireHostDisks(core: Core, record: ShelvedInstance): Promise<void> {
  for (const { target, path, format } of record.disks) {
    if ((await core.files.stat(path)) === null) {
      throw new DarkroomError(
        'DISK_MISSING',
        `Disk ${target} of ${record.name} is missing: there is no ${path}. Its image ${record.imageId} is kept.`,
        { fields: { instanceId: record.id, target, path } },
      );
    }
    await core.diskTool.info({ path, format });
  }
  for (const { path } of record.files) {
    if ((await core.files.stat(path)) !== null) continue;
    throw new DarkroomError(
      'DISK_MISSING',
      `A file of ${record.name} is missing: there is no ${path}. Its image ${record.imageId} has it still, and is kept.`,
      { fields: { instanceId: record.id, path } },
    );
  }
}
