import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { ApiApp } from '../api-app.ts';
import { answerClientError } from './answer-client-error.ts';
import type { Certificates } from './certificates.ts';

/**
 * Limits of what a client may hold, and for how long. None of them concerns an answer that is under way: an event
 * stream may last as long as both sides like.
 */
const LIMITS = {
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  // finds out about readers that vanished without a word
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} satisfies ServerOptions;
const HANDSHAKE_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 512;
/** How long answers may still take when the server closes; event streams end with it. */
const CLOSE_GRACE_MS = 1_000;

/** Where to listen: at a path, at an address, or at a socket that is open already. */
export type Place =
  | { readonly path: string }
  | { readonly host: string; readonly port: number }
  | { readonly fd: number };

export interface HttpServer {
  readonly server: Server | TlsServer;
  /** Resolves when it listens; Node's errors. What listening does to the file system is done before the first await. */
  listen(place: Place): Promise<void>;
  /** Takes no new connection, gives answers a moment, and ends what is left. */
  close(): Promise<void>;
}

export function createHttpServer(app: ApiApp): HttpServer {
  return limit(createServer(LIMITS, app.routing));
}

/** Asks clients for their certificate and leaves it to whoever identifies them what to make of one, or of none. */
export function createHttpsServer(
  app: ApiApp,
  certificates: Certificates,
): HttpServer & { readonly server: TlsServer } {
  const tls = { requestCert: true, rejectUnauthorized: false, handshakeTimeout: HANDSHAKE_TIMEOUT_MS };
  const server = createTlsServer({ ...LIMITS, ...tls, ...certificates }, app.routing);
  return { ...limit(server), server };
}

function limit(server: Server | TlsServer): HttpServer {
  const connections = new Set<Socket>();
  server.maxConnections = MAX_CONNECTIONS;
  server.on('clientError', answerClientError);
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return {
    server,
    listen: (place) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(place, () => {
          server.off('error', reject);
          resolve();
        });
      }),
    close: () => close(server, connections),
  };
}

async function close(server: Server | TlsServer, connections: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const timer = setTimeout(() => {
    for (const socket of connections) socket.destroy();
  }, CLOSE_GRACE_MS);
  await closed;
  clearTimeout(timer);
}
