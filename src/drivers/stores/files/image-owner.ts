import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../model/errors.ts';

export interface ImageOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who owns image files: root and the group that QEMU is in. null for an unprivileged process, whose files stay its own.
 * STORE_UNUSABLE when there is no such group. A group may also be given as its number.
 */
export async function lookUpImageOwner(group: string): Promise<ImageOwner | null> {
  if (process.geteuid?.() !== 0) return null;
  const gid = /^\d+$/.test(group) ? Number(group) : findGroup(await readFile('/etc/group', 'utf8'), group);
  if (gid === null) {
    const message = `There is no group "${group}" for image files: install QEMU, or set image_group to the group that QEMU runs as`;
    throw new DarkroomError('STORE_UNUSABLE', message, { fields: { group } });
  }
  return { uid: 0, gid };
}

/** group(5): name:password:gid:members. */
export function findGroup(database: string, group: string): number | null {
  for (const line of database.split('\n')) {
    const [name, , gid] = line.split(':');
    if (name === group && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return null;
}
