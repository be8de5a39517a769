import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../src/api/client.ts';
import type { SubmitOptions } from '../../src/api/send.ts';
import { DarkroomError, type ErrorCode, hasCode } from '../../src/model/errors.ts';
import type { Operation } from '../../src/model/operation.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';

/** What a client may meet while agent and libvirt come and go, and asks again for. */
const AWAY: readonly ErrorCode[] = ['AGENT_UNREACHABLE', 'AGENT_STOPPING', 'LIBVIRT_UNREACHABLE'];
const PAUSE_MS = 150;
const LIMIT_MS = 180_000;

export type Ending =
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'ended'; readonly operation: Operation };

export interface Task {
  readonly submit: (options: SubmitOptions) => Promise<Operation>;
  readonly idempotencyKey: string;
  /** null: it is let run. */
  readonly cancelAfterMs: number | null;
}

/**
 * Does what a careful client does: sends a request again under its key when nobody answered, and follows the operation to its
 * end whatever dies meanwhile.
 */
export async function seeThrough(client: Client, task: Task): Promise<Ending> {
  const { idempotencyKey } = task;
  let submitted: Operation;
  try {
    submitted = await insist(() => task.submit({ idempotencyKey }));
  } catch (error) {
    if (error instanceof DarkroomError) return { kind: 'refused', code: error.code, message: error.message };
    throw error;
  }
  if (task.cancelAfterMs !== null) await cancel(client, submitted.id, task.cancelAfterMs);
  return { kind: 'ended', operation: await follow(client, submitted.id) };
}

/** The answer to a question that is asked until somebody is there to answer it. */
export async function insist<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error, ...AWAY) || Date.now() > deadline) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

async function cancel(client: Client, id: string, afterMs: number): Promise<void> {
  await sleep(afterMs);
  try {
    await insist(() => client.operations.cancel(id));
  } catch (error) {
    if (!hasCode(error, 'OPERATION_FINISHED')) throw error;
  }
}

async function follow(client: Client, id: string): Promise<Operation> {
  let last: Operation | null = null;
  const isOver = async (): Promise<boolean> => {
    try {
      for await (const operation of client.operations.watch(id)) last = operation;
    } catch (error) {
      if (!hasCode(error, ...AWAY)) throw error;
    }
    return last !== null && last.status !== 'running';
  };
  await waitUntil(`operation ${id} ends`, isOver, { timeoutMs: LIMIT_MS, intervalMs: PAUSE_MS });
  if (last === null) throw new Error(`operation ${id} is not told of`);
  return last;
}
