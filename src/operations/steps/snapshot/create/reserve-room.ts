import type { Core } from '../../../support/context.ts';

const CLUSTER_BYTES = 64 * 1024;
/** Of guest data: what one L2 table, and what one refcount block, of a qcow2 with 64 KiB clusters stands for. */
const L2_TABLE_REACH_BYTES = 512 * 1024 ** 2;
const REFCOUNT_REACH_BYTES = 2 * 1024 ** 3;
const SLACK_BYTES = 8 * 1024 ** 2;
/** That the guest may write between the look at its disks and the instant without more having to be reserved. */
export const LEEWAY_BYTES = 8 * 1024 ** 2;

/** The length that a qcow2 may come to that holds `dataBytes` of a disk. */
export function boundFile(dataBytes: number, logicalBytes: number): number {
  const tables = Math.ceil(logicalBytes / L2_TABLE_REACH_BYTES) + Math.ceil(dataBytes / REFCOUNT_REACH_BYTES) + 1;
  return dataBytes + tables * CLUSTER_BYTES + SLACK_BYTES + LEEWAY_BYTES;
}

/**
 * Takes the room before QEMU needs it. While a backup job runs, QEMU saves a block before the guest overwrites it, and a guest whose
 * block cannot be saved is told that its own disk failed (QEMU 7.2, block/copy-before-write.c): that room must not run out. False where
 * the file system reserves none: then it is to be watched.
 */
export async function reserveRoom(
  core: Core,
  path: string,
  { dataBytes, logicalBytes }: { readonly dataBytes: number; readonly logicalBytes: number },
): Promise<boolean> {
  return await core.files.reserve(path, boundFile(dataBytes, logicalBytes));
}
