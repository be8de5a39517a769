import { runInGuest, waitForAgent } from '../e2e/support/guest-agent.ts';
import type { Guest } from '../e2e/support/tiny-guest.ts';

const LOG = '/run/agent.log';
const FROZEN = 'disabling logging due to filesystem freeze';
const THAWED = 'logging re-enabled due to filesystem unfreeze';

/** Restarts the guest agent with a log, whose lines carry microseconds. */
export async function logAgent(guest: Guest): Promise<void> {
  const restart = '(sleep 1; killall qemu-ga) </dev/null >/dev/null 2>&1 &';
  await runInGuest(guest, `mkdir -p /etc/qemu; touch /etc/qemu/log-agent; ${restart}`);
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await waitForAgent(guest);
}

/** Milliseconds of the last freeze, as the guest itself saw it. */
export async function lastFreezeMs(guest: Guest): Promise<number> {
  const lines = (await runInGuest(guest, `cat ${LOG}`)).split('\n');
  return lastTimeOf(lines, THAWED) - lastTimeOf(lines, FROZEN);
}

function lastTimeOf(lines: readonly string[], text: string): number {
  const line = lines.filter((candidate) => candidate.includes(text)).at(-1) ?? '';
  const seconds = /^(\d+\.\d+)/.exec(line)?.[1];
  if (seconds === undefined) throw new Error(`the agent's log does not say "${text}"`);
  return Number(seconds) * 1000;
}
