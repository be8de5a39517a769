import { runInGuest } from '../e2e/support/guest-agent.ts';
import type { Guest } from '../e2e/support/tiny-guest.ts';

const CHUNK_MIB = 64;

/** Grows the root file system to its disk and fills part of it with bytes that do not compress. */
export async function fillGuest(guest: Guest, dataMiB: number): Promise<void> {
  await runInGuest(guest, 'resize2fs /dev/vda 2>/dev/null || true');
  for (let written = 0; written < dataMiB; written += CHUNK_MIB) {
    await runInGuest(guest, `dd if=/dev/urandom of=/data-${written} bs=1M count=${CHUNK_MIB} conv=fsync 2>/dev/null`);
  }
}
