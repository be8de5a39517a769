import { createHash } from 'node:crypto';
import type { Caller } from '../../model/access.ts';
import type { Operation } from '../../model/operation.ts';
import type { OperationRequest } from '../../model/requests.ts';
import type { OperationRunner } from './operation-runner.ts';

export interface SubmitOptions {
  readonly caller: Caller;
  /** What the caller calls this request of its own; null: every one is a new one. */
  readonly key: string | null;
}

export async function submitOperation(
  runner: OperationRunner,
  request: OperationRequest,
  { caller, key }: SubmitOptions,
): Promise<Operation> {
  const { startUseCase } = await import('../start-use-case.ts');
  const idempotency = key === null ? null : { key, digest: digestOf(request) };
  return await startUseCase(runner, request, { caller, idempotency });
}

/** The request itself is not kept: it may hold user data. */
function digestOf(request: OperationRequest): string {
  return createHash('sha256').update(JSON.stringify(request, sortKeys)).digest('hex');
}

/** Properties in another order are the same properties. */
function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)));
}
