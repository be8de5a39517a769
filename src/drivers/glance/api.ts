import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { unusable } from './failures.ts';
import { DEFAULT_LIMITS, type Limits } from './http/limits.ts';
import { isPassingStatus, retryAfterMs } from './http/passing.ts';
import { persist } from './http/persist.ts';
import { describeRefusal, parseJson, readText } from './http/read-answer.ts';
import { type Connection, type DataBody, type HttpRequest, send } from './http/send.ts';
import { Trouble, Unreachable } from './http/trouble.ts';
import { createSession } from './identity/session.ts';
import { explainRefusal } from './refusal.ts';
import type { ImageServiceOptions } from './service-options.ts';

export interface ApiRequest {
  readonly method: HttpRequest['method'];
  /** Below /v2, with its query. */
  readonly path: string;
  /** What this does, as in "did not create the image X". */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly data?: DataBody;
  readonly isData?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Api {
  readonly service: string;
  readonly limits: Limits;
  /** The answer's JSON, null where there is none; for requests that may be repeated. Fails as ImageService says. */
  ask(request: ApiRequest): Promise<unknown>;
  /** The same, once. */
  askOnce(request: ApiRequest): Promise<unknown>;
  /** One try of a request with data to come; the head of an answer that is no refusal. Trouble besides. */
  open(request: ApiRequest): Promise<IncomingMessage>;
  /** What Trouble is told as. Everything else comes back as it is. */
  tell(error: unknown): unknown;
}

/** The Image API v2 (https://docs.openstack.org/api-ref/image/v2/) with tokens, and with patience. */
export function createApi(options: ImageServiceOptions): Api {
  const service = options.name;
  const limits: Limits = { ...DEFAULT_LIMITS, ...options.limits };
  let connection: Connection | null = null;
  const connect = async (): Promise<Connection> => {
    connection ??= { limits, ca: await readAuthorities(options) };
    return connection;
  };
  const session = createSession(options, connect);

  const attempt = async (request: ApiRequest, isRenewed: boolean): Promise<IncomingMessage> => {
    const access = await session.open(request.signal);
    const answer = await send(makeRequest(access, request), await connect());
    const status = answer.statusCode ?? 0;
    if (status >= 200 && status < 300) return answer;
    const text = await readText(answer);
    if (isPassingStatus(status))
      throw new Trouble(`it answered ${describeRefusal(status, text)}`, { retryAfterMs: retryAfterMs(answer) });
    if (status === 401 && access.token !== null && !isRenewed) {
      session.forget(access);
      return await attempt(request, true);
    }
    throw explainRefusal({ service, what: request.what, status, text });
  };
  const open = async (request: ApiRequest): Promise<IncomingMessage> => {
    try {
      return await attempt(request, false);
    } catch (error) {
      throw error instanceof Unreachable
        ? unusable(service, `it cannot be reached: ${error.message}. Look at endpoint and ca of glance.${service}.`, {
            cause: error,
          })
        : error;
    }
  };
  const ask = async (request: ApiRequest, forMs: number): Promise<unknown> => {
    try {
      const { signal } = request;
      return await persist(async () => parseJson(await readText(await open(request))), { forMs, signal });
    } catch (error) {
      throw tell(error);
    }
  };
  const tell = (error: unknown): unknown =>
    error instanceof Trouble
      ? unusable(service, `${error.message}. Look whether it runs, and try again.`, {
          fields: { isPassing: true },
          cause: error,
        })
      : error;
  return {
    service,
    limits,
    ask: (request) => ask(request, limits.retryForMs),
    askOnce: (request) => ask(request, 0),
    open,
    tell,
  };
}

function makeRequest({ url, token }: { readonly url: string; readonly token: string | null }, request: ApiRequest) {
  const { method, path, json, data, isData = false, signal } = request;
  const body = data ?? (json === undefined ? undefined : JSON.stringify(json));
  return {
    method,
    url: new URL(`${url}${path}`),
    headers: {
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
      ...(token === null ? {} : { 'x-auth-token': token }),
    },
    ...(body === undefined ? {} : { body }),
    isData,
    signal,
  };
}

async function readAuthorities({ ca, name }: ImageServiceOptions): Promise<string | null> {
  if (ca === null) return null;
  try {
    return await readFile(ca, 'utf8');
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw unusable(name, `glance.${name}.ca cannot be read: ${seen}.`, { cause: error });
  }
}
