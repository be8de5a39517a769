import type { z } from 'zod';
import { DarkroomError } from '../model/errors.ts';
import type { ErrorBody } from './error-body.ts';
import { errorBodySchema } from './schemas/errors.ts';
import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

/** Sends one request and reads its answer; an error answer is thrown as the DarkroomError that it tells of. */
export async function call<Answer>(
  transport: Transport,
  request: ApiRequest,
  schema: z.ZodType<Answer>,
): Promise<Answer> {
  const response = await transport.send(request);
  await throwErrorAnswer(response, request);
  return parseAnswer(schema, await readJson(response, request), request);
}

/** The same for what is answered with nothing at all. */
export async function callForNothing(transport: Transport, request: ApiRequest): Promise<void> {
  const response = await transport.send(request);
  await throwErrorAnswer(response, request);
  for await (const _chunk of response.body);
}

export async function throwErrorAnswer(response: ApiResponse, request: ApiRequest): Promise<void> {
  if (response.status >= 200 && response.status < 300) return;
  const error = await readFailure(response, request);
  throw new DarkroomError(error.code, error.message, { fields: error.fields });
}

async function readFailure(response: ApiResponse, request: ApiRequest): Promise<ErrorBody['error']> {
  try {
    return parseAnswer(errorBodySchema, await readJson(response, request), request).error;
  } catch (error) {
    // In words of its own: a server that begins or ends, or something between us that misses it.
    if (response.status < 502 || response.status > 504) throw error;
    const message = `The agent is not there at the moment: ${response.status} to ${request.method} ${request.path}.`;
    return { code: 'AGENT_UNREACHABLE', message, fields: { seen: String(response.status) } };
  }
}

export function parseAnswer<Answer>(schema: z.ZodType<Answer>, value: unknown, request: ApiRequest): Answer {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw notUnderstood(request, parsed.error);
}

async function readJson(response: ApiResponse, request: ApiRequest): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw notUnderstood(request, error);
  }
}

export function notUnderstood(request: ApiRequest, cause: unknown): DarkroomError {
  return new DarkroomError(
    'INTERNAL',
    `The answer to ${request.method} ${request.path} is not one that this version understands; the agent may be of another version.`,
    { cause },
  );
}
