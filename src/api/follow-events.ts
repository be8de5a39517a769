import { DarkroomError } from '../model/errors.ts';
import type { Instance } from '../model/instance.ts';
import type { Operation } from '../model/operation.ts';
import { notUnderstood, parseAnswer, throwErrorAnswer } from './call.ts';
import { decodeNamedEvents, type NamedEvent } from './event-stream.ts';
import { API_ROOT, encodeQuery } from './paths.ts';
import { errorBodySchema } from './schemas/errors.ts';
import { type EventType, instanceGoneSchema } from './schemas/events.ts';
import { instanceSchema } from './schemas/instances.ts';
import { operationSchema } from './schemas/operations.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** `lastEventId` is what to go on after, should the stream break; null: nothing of that kind was told yet. */
export type ApiEvent = { readonly lastEventId: string | null } & (
  | { readonly type: 'operation'; readonly operation: Operation }
  | { readonly type: 'instance'; readonly instance: Instance }
  | { readonly type: 'instance-gone'; readonly id: string }
);

export interface EventOptions {
  /** Absent: all. */
  readonly types?: readonly EventType[];
  /** Of an earlier stream: changes of operations since then come first. */
  readonly lastEventId?: string;
}

/** Events of the agent's host as they happen. AGENT_UNREACHABLE when the stream ends, for it never does by itself. */
export async function* followEvents(
  transport: Transport,
  { types, lastEventId }: EventOptions = {},
): AsyncGenerator<ApiEvent> {
  const path = `${API_ROOT}/events${encodeQuery({ types: types?.join(',') })}`;
  const headers = lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } };
  const request: ApiRequest = { method: 'GET', path, ...headers };
  const response = await transport.send(request);
  await throwErrorAnswer(response, request);
  for await (const event of decodeNamedEvents(response.body)) {
    const told = readEvent(event, request);
    if (told !== null) yield told;
  }
  throw new DarkroomError('AGENT_UNREACHABLE', 'The agent stopped telling of events.');
}

/** null: of a kind that a newer agent tells of. */
function readEvent({ name, data, lastEventId }: NamedEvent, request: ApiRequest): ApiEvent | null {
  const value = parseJson(data, request);
  switch (name) {
    case 'operation':
      return { type: name, lastEventId, operation: parseAnswer(operationSchema, value, request) };
    case 'instance':
      return { type: name, lastEventId, instance: parseAnswer(instanceSchema, value, request) };
    case 'instance-gone':
      return { type: name, lastEventId, ...parseAnswer(instanceGoneSchema, value, request) };
    case 'error': {
      const { code, message, fields } = parseAnswer(errorBodySchema, value, request).error;
      throw new DarkroomError(code, message, { fields });
    }
    default:
      return null;
  }
}

function parseJson(data: string, request: ApiRequest): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw notUnderstood(request, error);
  }
}
