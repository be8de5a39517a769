import type { FileStat } from '../../../model/ports/host.ts';
import type { ShelvedDisk, ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** False when what lies on the host was written to since: a file that has gone was moved, or removed with its domain. */
export async function isAsCaptured(core: Core, record: ShelvedInstance): Promise<boolean> {
  for (const disk of record.disks) {
    const now = await core.files.stat(disk.path);
    if (now !== null && !isSameState(now, disk)) return false;
  }
  for (const { path, sha256 } of record.files) {
    if ((await core.files.stat(path)) !== null && (await core.files.hash(path)) !== sha256) return false;
  }
  return true;
}

/** The same file, to which nobody has written since. */
export function isSameState(now: FileStat | null, { inode, sizeBytes, modifiedMs }: ShelvedDisk): boolean {
  return now?.inode === inode && now.sizeBytes === sizeBytes && now.modifiedMs === modifiedMs;
}

/** Every disk lies on the host yet. */
export async function areDisksHere(core: Core, { disks }: ShelvedInstance): Promise<boolean> {
  for (const { path } of disks) if ((await core.files.stat(path)) === null) return false;
  return true;
}
