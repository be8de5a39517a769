import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BucketOptions } from '../../src/drivers/stores/s3/bucket.ts';

export interface SeenRequest {
  /** `PUT /bucket/key?partNumber=1` */
  readonly line: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface StandIn extends AsyncDisposable {
  readonly endpoint: string;
  readonly requests: readonly SeenRequest[];
  options(overrides?: Partial<BucketOptions>): BucketOptions;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** The connection is cut after that. */
  readonly isCut?: boolean;
}

/** null: the connection is cut instead. */
export type Answerer = (request: SeenRequest, requestsBefore: number) => Answer | null | Promise<Answer | null>;

/** A server that says what a test tells it to, where a real one cannot be brought to say it. */
export async function startStandIn(answer: Answerer): Promise<StandIn> {
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('error', () => undefined);
    incoming.on('end', () => {
      const line = `${incoming.method} ${incoming.url}`;
      const seen = { line, headers: incoming.headers, body: Buffer.concat(pieces) };
      requests.push(seen);
      Promise.resolve(answer(seen, requests.length - 1)).then(
        (given) => send(response, given),
        () => response.destroy(),
      );
    });
  });
  const endpoint = await listen(server);
  return {
    endpoint,
    requests,
    options: (overrides = {}) => ({ ...DEFAULTS, endpoint, ...overrides }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function s3Error(status: number, code: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>told to</Message></Error>`;
  return { status, body, headers: { 'content-type': 'application/xml' } };
}

const DEFAULTS = {
  location: 's3://bucket/darkroom',
  region: 'us-east-1',
  isPathStyle: true,
  credentialsFile: null,
  profile: null,
  serverSideEncryption: null,
  kmsKeyId: null,
  partBytes: 5 * 1024 * 1024,
  concurrency: 2,
  retryForMs: 3_000,
};

function send(response: ServerResponse, given: Answer | null): void {
  if (given === null) {
    response.socket?.destroy();
    return;
  }
  response.writeHead(given.status, given.headers);
  if (given.isCut === true) response.write(given.body ?? '', () => response.socket?.destroy());
  else response.end(given.body);
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
