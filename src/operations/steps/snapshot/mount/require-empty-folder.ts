import path from 'node:path';
import { DarkroomError } from '../../../../model/errors.ts';
import type { Core } from '../../../support/context.ts';

/** Where a caller who acts with its own rights wants something mounted; links resolved. PATH_NOT_ALLOWED, INVALID_REQUEST. */
export async function requireEmptyFolder(core: Core, directory: string): Promise<string> {
  const fields = { path: directory };
  if (!core.caller.isTrustedWithPaths) {
    const message = 'The agent mounts on no folder that a client names: without one the snapshot is served as NBD.';
    throw new DarkroomError('PATH_NOT_ALLOWED', message, { fields });
  }
  await using folder = await core.files.hold(path.resolve(directory));
  if (folder?.stat.kind !== 'directory') {
    throw new DarkroomError('INVALID_REQUEST', `There is no folder ${directory}: create it first.`, { fields });
  }
  if ((await core.files.list(folder.realPath)).length === 0) return folder.realPath;
  throw new DarkroomError('INVALID_REQUEST', `The folder ${directory} is not empty: name another.`, { fields });
}
