import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { clearTimeout, setTimeout } from 'node:timers';
import { DarkroomError } from '../../../model/errors.ts';
import type { Limits } from './limits.ts';
import { explainNetworkError, Trouble } from './trouble.ts';

/** A proxy may know nothing of `100 Continue`: after this long the data goes all the same. */
const CONTINUE_MS = 2_000;

export interface DataBody {
  readonly sizeBytes: number;
  /** Called when the service wants the data; at most once. */
  open(): Readable;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | DataBody;
  /** Its answer is data as well. */
  readonly isData?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Connection {
  readonly limits: Limits;
  /** PEM; null: those that this system trusts. */
  readonly ca: string | null;
}

/**
 * The head of an answer, whose body is to be read; a connection for each request. Trouble, Unreachable, CANCELLED. Data waits for
 * `100 Continue` (RFC 9110 section 10.1.1), so that what is refused is refused before it was sent; what has not been sent when
 * there is an answer is not sent any more.
 */
export async function send(request: HttpRequest, connection: Connection): Promise<IncomingMessage> {
  throwIfAborted(request.signal);
  try {
    return await exchange(request, connection);
  } catch (error) {
    throwIfAborted(request.signal);
    throw explainNetworkError(error);
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'The request to the image service was cancelled.');
}

function exchange(request: HttpRequest, { limits, ca }: Connection): Promise<IncomingMessage> {
  const { url, method, body, signal } = request;
  const isData = request.isData === true || typeof body === 'object';
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? https.request : http.request;
    const sent = make(url, {
      method,
      headers: makeHeaders(request),
      agent: false,
      timeout: isData ? limits.dataMs : limits.answerMs,
      ...(signal && { signal }),
      ...(ca === null ? {} : { ca }),
    });
    const connecting = setTimeout(() => {
      sent.destroy(new Trouble(`no connection within ${limits.connectMs / 1000} s`));
    }, limits.connectMs);
    sent.on('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    sent.on('timeout', () => sent.destroy(new Trouble('it stopped answering')));
    sent.on('error', reject);
    sent.on('close', () => clearTimeout(connecting));
    sent.on('response', resolve);
    if (typeof body === 'object') sendWhenWanted(sent, body, limits);
    else sent.end(body);
  });
}

function makeHeaders({ headers, body }: HttpRequest): Record<string, string> {
  if (body === undefined) return { ...headers };
  if (typeof body === 'string') return { ...headers, 'content-length': String(Buffer.byteLength(body)) };
  return { ...headers, 'content-length': String(body.sizeBytes), expect: '100-continue' };
}

function sendWhenWanted(sent: http.ClientRequest, body: DataBody, limits: Limits): void {
  let source: Readable | null = null;
  let isOver = false;
  const start = (): void => {
    if (source !== null || isOver) return;
    source = body.open();
    source.on('error', (error) => sent.destroy(error));
    source.pipe(sent);
  };
  const stop = (): void => {
    isOver = true;
    clearTimeout(waiting);
    source?.unpipe(sent);
    source?.destroy();
  };
  const waiting = setTimeout(start, CONTINUE_MS);
  sent.on('continue', start);
  sent.on('finish', () => sent.setTimeout(limits.storeMs));
  sent.on('response', stop);
  sent.on('close', stop);
  sent.flushHeaders();
}
