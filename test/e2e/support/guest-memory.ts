import { expect } from 'vitest';
import type { Guest } from './tiny-guest.ts';
import { waitUntil } from './wait-until.ts';

const TICKS = '/run/ticks';

/** What only a guest has that goes on where it was. */
export interface GuestMemory {
  readonly bootId: string;
  readonly ticks: number;
}

type Inside = Pick<Guest, 'name' | 'run' | 'readFile'>;

/** A process in the guest that counts in a file in its memory. */
export async function startTicking(guest: Inside): Promise<void> {
  const script = `i=0; while :; do i=$((i+1)); echo $i >${TICKS}.new; mv ${TICKS}.new ${TICKS}; sleep 0.1; done`;
  await guest.run(`setsid sh -c '${script}' >/dev/null 2>&1 </dev/null & echo $! >/run/ticker`);
  await waitUntil(`${guest.name} counts`, async () => (await readMemory(guest)).ticks > 0, { timeoutMs: 20_000 });
}

export async function readMemory(guest: Inside): Promise<GuestMemory> {
  const bootId = (await guest.readFile('/proc/sys/kernel/random/boot_id')).trim();
  return { bootId, ticks: Number(await guest.readFile(TICKS)) };
}

/** The same boot, and the process has counted on from where it was. */
export async function expectToGoOn(guest: Inside, before: GuestMemory): Promise<void> {
  expect((await readMemory(guest)).bootId, 'boot').toBe(before.bootId);
  const isFurther = async (): Promise<boolean> => (await readMemory(guest)).ticks > before.ticks;
  await waitUntil(`${guest.name} counts on from ${before.ticks}`, isFurther, { timeoutMs: 20_000 });
}
