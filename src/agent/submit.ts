import type { FastifyRequest } from 'fastify';
import { API_ROOT } from '../api/paths.ts';
import { DarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;

interface Answer {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
}

/** Long work: 202 with the operation, and where to see how it goes on. Sent twice under one Idempotency-Key it is done once. */
export async function submit(
  request: Pick<FastifyRequest, 'application' | 'headers' | 'operation'>,
  reply: Answer,
  work: OperationRequest,
): Promise<Operation> {
  const idempotencyKey = readKey(request.headers);
  const operation = await request.application.operations.submit(work, { idempotencyKey });
  request.operation = operation;
  reply.code(202);
  reply.header('location', `${API_ROOT}/operations/${encodeURIComponent(operation.id)}`);
  return operation;
}

function readKey(headers: FastifyRequest['headers']): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && VISIBLE_ASCII.test(key)) return key;
  throw new DarkroomError('INVALID_REQUEST', 'Idempotency-Key: must be 1 to 255 visible ASCII characters, once.', {
    fields: { field: 'Idempotency-Key' },
  });
}
