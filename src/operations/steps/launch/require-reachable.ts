import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import type { FileStat } from '../../../model/ports/host.ts';
import type { Core } from '../../support/context.ts';

/** STORE_UNUSABLE unless QEMU's user can pass every folder above the path; those that do not exist yet are not looked at. */
export async function requireReachable(core: Core, file: string): Promise<void> {
  const user = await core.files.lookUpUser(core.settings.qemuUser);
  if (user === null) return;
  for (let folder = path.dirname(file); folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const stat = await core.files.stat(folder);
    if (stat !== null && !canPass(stat, user)) throw unreachable(core, folder, stat);
  }
}

function canPass(folder: FileStat, user: { readonly uid: number; readonly gid: number }): boolean {
  if (folder.uid === user.uid) return (folder.mode & 0o100) !== 0;
  if (folder.gid === user.gid) return (folder.mode & 0o010) !== 0;
  return (folder.mode & 0o001) !== 0;
}

function unreachable(core: Core, folder: string, { mode }: FileStat): DarkroomError {
  const { qemuUser } = core.settings;
  return new DarkroomError(
    'STORE_UNUSABLE',
    `QEMU runs as ${qemuUser}, who cannot pass the folder ${folder} (mode ${mode.toString(8)}). ` +
      `Open it with chmod o+x ${folder}, or keep instances and images elsewhere.`,
    { fields: { path: folder, mode: mode.toString(8), user: qemuUser } },
  );
}
