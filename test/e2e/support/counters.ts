import type { Guest } from './tiny-guest.ts';

/**
 * A process in the guest that writes the same growing number to a file on two disks, one after the other, each time
 * synced, in place: at any instant the first is the second or one more.
 */
export async function startCounting(guest: Guest, disks: readonly [string, string]): Promise<AsyncDisposable> {
  const write = (disk: string): string => `printf '%08d' $i | dd of=/mnt/${disk}/count conv=notrunc,fsync 2>/dev/null`;
  const script = `i=0; while :; do i=$((i+1)); ${disks.map(write).join('; ')}; done`;
  for (const disk of disks) await guest.writeFile(`/mnt/${disk}/count`, '00000000');
  await guest.writeFile('/tmp/count-up', `#!/bin/sh\n${script}\n`);
  await guest.run('setsid sh /tmp/count-up >/dev/null 2>&1 </dev/null & echo $! >/tmp/counter');
  return {
    [Symbol.asyncDispose]: async () => {
      await guest.run('kill $(cat /tmp/counter); sync');
    },
  };
}
