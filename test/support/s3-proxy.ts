import { createServer, type IncomingMessage, request as send } from 'node:http';

/** What is asked for, as far as tests tell requests from each other. */
export interface ProxiedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
}

export interface S3Proxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Breaks the connection of requests that this is true of. */
  breakThose: (request: ProxiedRequest) => boolean;
  /** Runs before a request is passed on. */
  before: (request: ProxiedRequest) => Promise<void>;
}

/** Stands between a client and an S3 server: what is signed stays as it is. */
export async function startS3Proxy(endpoint: string): Promise<S3Proxy> {
  const server = createServer((incoming, outgoing) => {
    const asked = describe(incoming);
    if (proxy.breakThose(asked)) {
      incoming.socket.destroy();
      return;
    }
    const pass = (): void => {
      const { method, headers, url = '/' } = incoming;
      const onward = send(new URL(url, endpoint), { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      onward.on('error', () => outgoing.destroy());
      incoming.pipe(onward);
    };
    proxy.before(asked).then(pass, () => incoming.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address === null || typeof address === 'string' ? 0 : address.port;
  const proxy: S3Proxy = {
    endpoint: `http://127.0.0.1:${port}`,
    breakThose: () => false,
    before: async () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

function describe({ method = 'GET', url = '/' }: IncomingMessage): ProxiedRequest {
  return { method, url };
}
