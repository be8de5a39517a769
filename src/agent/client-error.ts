import type { Socket } from 'node:net';
import { toErrorBody } from '../api/error-body.ts';
import { DarkroomError } from '../model/errors.ts';

interface Refusal {
  readonly status: string;
  readonly message: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', message: 'its URL and headers are too long' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: '413 Content Too Large', message: 'its chunk extensions are too long' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', message: 'it did not arrive in time' },
};
const UNREADABLE: Refusal = { status: '400 Bad Request', message: 'it is no HTTP request' };

/**
 * For the `clientError` event of a server: what node:http cannot make a request of is answered as all other refusals are,
 * and the connection ends.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, message } = REFUSALS[error.code ?? ''] ?? UNREADABLE;
  const refusal = new DarkroomError('INVALID_REQUEST', `The request cannot be read: ${message}.`);
  const body = JSON.stringify(toErrorBody(refusal));
  const head = [`HTTP/1.1 ${status}`, 'Connection: close', 'Content-Type: application/json; charset=utf-8'];
  socket.end([...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'));
}
