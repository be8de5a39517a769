import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import { call } from './call.ts';
import { operationSchema } from './schemas/operations.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** An agent that is being restarted is back within seconds. */
const PAUSES_MS: readonly number[] = [1000, 4000];
/** The request may have been read, and its answer lost. */
const BROKEN: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'];

/**
 * Asks for an operation under a key of its own, so that asking again after a broken connection begins nothing twice. An
 * agent that could not be reached in the first place is not asked again.
 */
export async function submitOperation(
  transport: Transport,
  request: ApiRequest,
  pausesMs: readonly number[] = PAUSES_MS,
): Promise<Operation> {
  const keyed = { ...request, headers: { 'idempotency-key': randomUUID(), ...request.headers } };
  let isAsked = false;
  for (const pauseMs of pausesMs) {
    try {
      return await call(transport, keyed, operationSchema);
    } catch (error) {
      isAsked ||= hasCode(error, 'AGENT_UNREACHABLE') && BROKEN.includes(error.fields['seen']);
      if (!isAsked || !hasCode(error, 'AGENT_UNREACHABLE', 'AGENT_STOPPING')) throw error;
    }
    await sleep(pauseMs);
  }
  return await call(transport, keyed, operationSchema);
}
