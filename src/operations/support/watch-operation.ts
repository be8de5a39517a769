import { hasCode } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { Core } from './context.ts';
import { showOperation } from './list-operations.ts';

// a look costs a tenth of a millisecond, and a short command should not wait for the next one
const POLL_MS = 25;

/** Follows an operation of whatever process through the journal; ends with it. */
export async function* watchOperation(
  core: Core,
  operationId: string,
  signal?: AbortSignal,
): AsyncGenerator<Operation> {
  let seen = '';
  for (;;) {
    const operation = await showOperation(core, operationId);
    const now = JSON.stringify(operation);
    if (now !== seen) yield operation;
    seen = now;
    if (operation.status !== 'running' || !(await waited(core, signal))) return;
  }
}

/** False when nobody watches any more. */
async function waited(core: Core, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await core.clock.sleep(POLL_MS, signal);
    return true;
  } catch (error) {
    if (hasCode(error, 'CANCELLED')) return false;
    throw error;
  }
}
