import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { DarkroomError } from '../model/errors.ts';
import type { ApiRequest, Transport } from './transport.ts';

/** Milliseconds; 0: for ever. */
export interface HttpTimeouts {
  /** Until the connection stands, with its TLS. */
  readonly connectMs: number;
  /** From then until the head of the answer to a GET. What changes things or looks at many may take its time; a dead peer is noticed. */
  readonly answerMs: number;
}

/** One way to carry HTTP. */
export interface HttpWay {
  /** Opens a request on a connection of its own. */
  open(options: RequestOptions): ClientRequest;
  /** The event of a socket that says that its connection stands. */
  readonly connectEvent: 'connect' | 'secureConnect';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeouts: HttpTimeouts;
  /** Gives up every request, and every answer that is being read. */
  readonly signal?: AbortSignal;
  /** What a broken connection means, with `fields.seen` as the code of what was seen. */
  describe(error: unknown): DarkroomError;
}

/** An idle connection to a host that died is found out after about 20 s. */
const KEEP_ALIVE_DELAY_MS = 10_000;

export function createHttpTransport(way: HttpWay): Transport {
  return {
    send: async (request) => {
      const response = await sendRequest(way, request);
      return { status: response.statusCode ?? 0, body: readBody(way, response) };
    },
  };
}

function sendRequest(way: HttpWay, request: ApiRequest): Promise<IncomingMessage> {
  const payload = request.body === undefined ? null : Buffer.from(JSON.stringify(request.body));
  const json = payload === null ? {} : { 'content-type': 'application/json', 'content-length': String(payload.length) };
  return new Promise((resolve, reject) => {
    const outgoing = way.open({
      method: request.method,
      path: request.path,
      headers: { ...json, ...way.headers, ...request.headers },
      // A pooled connection may be one to an agent that has since been restarted.
      agent: false,
      ...(way.signal === undefined ? {} : { signal: way.signal }),
    });
    const isAnsweredAtOnce = request.method === 'GET' && request.isSlow !== true;
    limitTime(outgoing, way, { answerMs: isAnsweredAtOnce ? way.timeouts.answerMs : 0 });
    outgoing.on('error', (error) => reject(way.describe(error)));
    outgoing.on('response', resolve);
    outgoing.end(payload);
  });
}

/** Not the socket's own timeout, which would end a quiet event stream. */
function limitTime(outgoing: ClientRequest, way: HttpWay, { answerMs }: { readonly answerMs: number }): void {
  let timer = expireAfter(outgoing, way.timeouts.connectMs, 'no connection');
  outgoing.once('socket', (socket) => {
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    socket.once(way.connectEvent, () => {
      clearTimeout(timer);
      timer = expireAfter(outgoing, answerMs, 'no answer');
    });
  });
  outgoing.once('response', () => clearTimeout(timer));
  outgoing.once('close', () => clearTimeout(timer));
}

function expireAfter(outgoing: ClientRequest, ms: number, missing: string): NodeJS.Timeout | undefined {
  if (ms === 0) return undefined;
  return setTimeout(() => outgoing.destroy(timedOut(`${missing} within ${ms} ms`)), ms);
}

function timedOut(message: string): Error {
  return Object.assign(new Error(message), { code: 'ETIMEDOUT' });
}

async function* readBody(way: HttpWay, response: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* response;
  } catch (error) {
    throw way.describe(error);
  }
}
