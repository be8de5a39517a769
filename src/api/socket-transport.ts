import { request as httpRequest, type IncomingMessage } from 'node:http';
import { DarkroomError } from '../model/errors.ts';
import type { ApiRequest, Transport } from './transport.ts';

export interface SocketOptions {
  /** How long to wait for the head of an answer; 0: for ever. */
  readonly answerTimeoutMs: number;
}

/** Reaches an agent through its unix socket. */
export function createSocketTransport(socketPath: string, options: SocketOptions = { answerTimeoutMs: 0 }): Transport {
  return {
    send: async (request) => {
      const response = await sendRequest(socketPath, request, options);
      return { status: response.statusCode ?? 0, body: readBody(socketPath, response) };
    },
  };
}

function sendRequest(socketPath: string, request: ApiRequest, options: SocketOptions): Promise<IncomingMessage> {
  const payload = request.body === undefined ? null : Buffer.from(JSON.stringify(request.body));
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({
      socketPath,
      method: request.method,
      path: request.path,
      headers: { ...request.headers, ...(payload === null ? {} : describeJson(payload)) },
      // A pooled connection may be one to an agent that has since been restarted.
      agent: false,
      timeout: options.answerTimeoutMs,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${options.answerTimeoutMs} ms`)));
    outgoing.on('error', (error) => reject(unreachable(socketPath, error)));
    outgoing.on('response', resolve);
    outgoing.end(payload);
  });
}

function describeJson(payload: Buffer): Record<string, string> {
  return { 'content-type': 'application/json', 'content-length': String(payload.length) };
}

async function* readBody(socketPath: string, response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (error) {
    throw unreachable(socketPath, error);
  }
}

function unreachable(socketPath: string, error: unknown): DarkroomError {
  const seen = error instanceof Error ? error.message : String(error);
  return new DarkroomError('AGENT_UNREACHABLE', `The agent at ${socketPath} does not answer: ${seen}.`, {
    fields: { socket: socketPath },
    cause: error,
  });
}
