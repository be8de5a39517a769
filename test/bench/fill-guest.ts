import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runInGuest } from '../e2e/support/guest-agent.ts';
import { runCommand } from '../e2e/support/run-command.ts';
import type { Guest } from '../e2e/support/tiny-guest.ts';

const CHUNK_MIB = 64;
/** The tiny guest's file system, at the start of its disk. */
const FILE_SYSTEM_MIB = 1024;
const FILES_MIB = 512;

/** Boots the guest with that much on its first disk that does not compress: files, and behind the file system the rest. */
export async function bootFilled(guest: Guest, dataMiB: number): Promise<void> {
  await fillBehindFileSystem(guest, dataMiB - FILES_MIB);
  await guest.boot();
  for (let written = 0; written < Math.min(dataMiB, FILES_MIB); written += CHUNK_MIB) {
    await runInGuest(guest, `dd if=/dev/urandom of=/data-${written} bs=1M count=${CHUNK_MIB} conv=fsync 2>/dev/null`);
  }
}

async function fillBehindFileSystem(guest: Guest, dataMiB: number): Promise<void> {
  const [disk] = guest.disks;
  if (disk === undefined || dataMiB <= 0) return;
  const chunk = path.join(guest.folder, 'chunk');
  for (let written = 0; written < dataMiB; written += CHUNK_MIB) {
    await writeFile(chunk, randomBytes(CHUNK_MIB * 1024 ** 2));
    const write = `write -q -s ${chunk} ${FILE_SYSTEM_MIB + written}M ${CHUNK_MIB}M`;
    await runCommand('qemu-io', ['-f', disk.format, '-c', write, disk.path]);
  }
}
