import type { z } from 'zod';
import type { Operation } from '../model/operation.ts';
import { call } from './call.ts';
import { submitOperation } from './submit-operation.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** How a request that starts work is sent. Without a key of the caller's it gets one of its own. */
export interface SubmitOptions {
  /** What the caller calls this request of its own: sent again under the same key, it is the same operation. */
  readonly idempotencyKey?: string;
}

export function read<Answer>(transport: Transport, path: string, schema: z.ZodType<Answer>): Promise<Answer> {
  return call(transport, { method: 'GET', path }, schema);
}

export function submit(
  transport: Transport,
  request: ApiRequest,
  { idempotencyKey }: SubmitOptions = {},
): Promise<Operation> {
  const headers = idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } };
  return submitOperation(transport, { ...request, ...headers });
}

export function post(path: string, body?: unknown): ApiRequest {
  return { method: 'POST', path, ...(body === undefined ? {} : { body }) };
}
