import { DarkroomError } from '../../model/errors.ts';
import type { FileOwnership } from '../../model/ports/host.ts';
import type { Core } from '../support/context.ts';

/** DISK_MISSING when the file has gone since it was seen. */
export async function ownershipOf(core: Core, file: string): Promise<FileOwnership> {
  const stat = await core.files.stat(file);
  if (stat === null)
    throw new DarkroomError('DISK_MISSING', `${file} was there and is gone.`, { fields: { path: file } });
  return { uid: stat.uid, gid: stat.gid, mode: stat.mode };
}
