import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { Core } from '../../support/context.ts';
import { type Console, openConsole } from './console.ts';

const POLL_MS = 500;
const LAST_LINES = 10;
/** A console that says more than this floods the disk. */
const MAX_CONSOLE_BYTES = 256 * 1024 ** 2;

export interface BootRequest {
  readonly image: Image;
  /** Text that must appear on the serial console; null: the guest agent must answer. */
  readonly expect: string | null;
  readonly timeoutMs: number;
}

type Watch = BootRequest & { readonly domainId: string; readonly consolePath: string };

/** Waits until the machine shows the expected text, or its guest agent answers. VERIFY_FAILED with the console's last lines. */
export async function awaitLife(core: Core, watch: Watch, signal: AbortSignal): Promise<void> {
  const { expect, timeoutMs } = watch;
  const console = openConsole(core, watch.consolePath);
  const deadline = core.clock.monotonicMs() + timeoutMs;
  for (;;) {
    await console.read();
    if (await isAlive(core, watch, console)) return;
    if (console.totalBytes > MAX_CONSOLE_BYTES) throw failed(watch, console, 'flooded its serial console');
    if (!(await doesRun(core, watch.domainId))) throw failed(watch, console, 'ended by itself');
    if (core.clock.monotonicMs() >= deadline) {
      const sign =
        expect === null ? 'its guest agent did not answer' : `its console did not show ${JSON.stringify(expect)}`;
      throw failed(watch, console, `was started, but ${sign} within ${Math.round(timeoutMs / 1000)} s`);
    }
    await core.clock.sleep(POLL_MS, signal);
  }
}

async function isAlive(core: Core, watch: Watch, console: Console): Promise<boolean> {
  if (watch.expect !== null) return console.text.includes(watch.expect);
  const timeoutMs = core.settings.agentProbeTimeoutMs;
  const state = await unlessGone(core.hypervisor.probeAgent(watch.domainId, { timeoutMs }));
  return state === 'answering';
}

async function doesRun(core: Core, domainId: string): Promise<boolean> {
  return (await unlessGone(core.hypervisor.getDomain(domainId)))?.powerState === 'running';
}

/** A transient domain that stops is no more. */
async function unlessGone<T>(question: Promise<T>): Promise<T | null> {
  try {
    return await question;
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error;
  }
}

function failed(watch: Watch, console: Console, what: string): DarkroomError {
  const lines = console.lastLines(LAST_LINES);
  const said = lines.length === 0 ? 'Its console said nothing.' : `The last lines of its console:\n${lines.join('\n')}`;
  return new DarkroomError('VERIFY_FAILED', `The image ${watch.image.name} (${watch.image.id}) ${what}. ${said}`, {
    fields: { imageId: watch.image.id, expect: watch.expect },
  });
}
