import { DarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import { notUnderstood, parseAnswer, throwErrorAnswer } from './call.ts';
import { decodeEvents } from './event-stream.ts';
import { itemPath } from './paths.ts';
import { errorBodySchema } from './schemas/errors.ts';
import { operationSchema } from './schemas/operations.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** Follows an operation's event stream to its end; a stream that stops before the operation does is an error. */
export async function* watchOperation(transport: Transport, operationId: string): AsyncGenerator<Operation> {
  const path = itemPath('operations', operationId, { verb: 'events' });
  const request: ApiRequest = { method: 'GET', path };
  const response = await transport.send(request);
  await throwErrorAnswer(response, request);
  let isOver = false;
  for await (const data of decodeEvents(response.body)) {
    const operation = parseEvent(data, request);
    isOver = operation.status !== 'running';
    yield operation;
  }
  if (isOver) return;
  throw new DarkroomError(
    'AGENT_UNREACHABLE',
    `The agent stopped telling of operation ${operationId} before it was over; see 'darkroom operation show ${operationId}'.`,
    { fields: { operation: operationId } },
  );
}

function parseEvent(data: string, request: ApiRequest): Operation {
  const value = parseJson(data, request);
  const failure = errorBodySchema.safeParse(value);
  if (failure.success) {
    const { code, message, fields } = failure.data.error;
    throw new DarkroomError(code, message, { fields });
  }
  return parseAnswer(operationSchema, value, request);
}

function parseJson(data: string, request: ApiRequest): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw notUnderstood(request, error);
  }
}
