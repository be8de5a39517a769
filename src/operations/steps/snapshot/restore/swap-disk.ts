import path from 'node:path';
import { DarkroomError } from '../../../../model/errors.ts';
import type { RestorePlan } from '../../../restore-snapshot-plan.ts';
import type { Core } from '../../../support/context.ts';

/** The new content takes the disk's name in one step; the old one stays under its second name. */
export async function swapDisk(core: Core, { diskPath, newPath, keptPath }: RestorePlan): Promise<void> {
  if (!(await core.files.tryLink(diskPath, keptPath))) {
    throw new DarkroomError(
      'DISK_UNSUPPORTED',
      `The file system of ${diskPath} has no links, so that what the volume holds now could not be kept until the restore is done. ` +
        'Make a new volume of the snapshot: darkroom volume create --from-snapshot',
      { fields: { path: diskPath } },
    );
  }
  await core.files.rename(newPath, diskPath);
  await core.files.sync(path.dirname(diskPath));
}

/** Whether the disk has the new content by now. */
export async function isSwapped(core: Core, { diskPath, newInode }: RestorePlan): Promise<boolean> {
  return newInode !== null && (await core.files.stat(diskPath))?.inode === newInode;
}

/** The old content has the disk's name again. Idempotent. */
export async function swapBack(core: Core, plan: RestorePlan): Promise<void> {
  if (await isSwapped(core, plan)) await core.files.rename(plan.keptPath, plan.diskPath);
  await core.files.sync(path.dirname(plan.diskPath));
}

/** What lies beside the disk, which has one of the two contents. */
export async function removeBeside(core: Core, { diskPath, newPath, keptPath }: RestorePlan): Promise<void> {
  await core.files.remove(newPath);
  // somebody took the disk away: then this is all there is of it
  if ((await core.files.stat(diskPath)) !== null) await core.files.remove(keptPath);
}
