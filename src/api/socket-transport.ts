import { request as httpRequest } from 'node:http';
import { DarkroomError } from '../model/errors.ts';
import { codeOf, describeConnectionFailure } from './connection-failure.ts';
import { createHttpTransport } from './http-transport.ts';
import type { Transport } from './transport.ts';

export interface SocketOptions {
  /** How long to wait for the head of an answer to a GET; 0: for ever. */
  readonly answerTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Reaches an agent through its unix socket. */
export function createSocketTransport(socketPath: string, options: SocketOptions = {}): Transport {
  const { answerTimeoutMs = 0, signal } = options;
  return createHttpTransport({
    open: (request) => httpRequest({ ...request, socketPath }),
    connectEvent: 'connect',
    headers: {},
    // A socket whose owner takes no connections hangs here; one to a started agent stands at once.
    timeouts: { connectMs: answerTimeoutMs, answerMs: answerTimeoutMs },
    ...(signal === undefined ? {} : { signal }),
    describe: (error) => unreachable(socketPath, error),
  });
}

function unreachable(socketPath: string, error: unknown): DarkroomError {
  const seen = describeConnectionFailure(error, { ca: null });
  return new DarkroomError('AGENT_UNREACHABLE', `The agent at ${socketPath} does not answer: ${seen}.`, {
    fields: { socket: socketPath, seen: codeOf(error) },
    cause: error,
  });
}
