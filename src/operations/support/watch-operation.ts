import { hasCode } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { Core } from './context.ts';
import { showOperation } from './list-operations.ts';

// a look costs a tenth of a millisecond, and a short command should not wait for the next one
const POLL_MS = 25;

export interface WatchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Resolves when an operation of this process has ended, so that nobody waits for the next look. */
  readonly ended?: Promise<void> | undefined;
}

/** Follows an operation of whatever process through the journal; ends with it. */
export async function* watchOperation(
  core: Core,
  operationId: string,
  { signal, ended }: WatchOptions = {},
): AsyncGenerator<Operation> {
  let seen = '';
  let ending = ended?.then(() => {
    // once: what could not be recorded goes on for whoever looks
    ending = undefined;
  });
  for (;;) {
    const operation = await showOperation(core, operationId);
    const now = JSON.stringify(operation);
    if (now !== seen) yield operation;
    seen = now;
    if (operation.status !== 'running' || !(await waited(core, { signal, ended: ending }))) return;
  }
}

/** False when nobody watches any more. */
async function waited({ clock }: Core, { signal, ended }: WatchOptions): Promise<boolean> {
  try {
    const sleeping = clock.sleep(POLL_MS, signal);
    await (ended === undefined ? sleeping : Promise.race([sleeping, ended]));
    return true;
  } catch (error) {
    if (hasCode(error, 'CANCELLED')) return false;
    throw error;
  }
}
