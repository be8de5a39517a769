import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ApiApp } from '../../src/agent/api-app.ts';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export interface RawServer {
  readonly socket: string;
  /** Sends these bytes as they are; resolves with what came back until the connection ended or nothing more came. */
  send(bytes: string | Buffer): Promise<RawAnswer>;
  close(): Promise<void>;
}

const PATIENCE_MS = 2000;

/** An app behind a unix socket, for requests that no client would make. */
export async function serveRaw(app: ApiApp): Promise<RawServer> {
  await app.ready();
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-raw-'));
  const socket = path.join(folder, 's');
  const server = createServer(app.routing);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    send: (bytes) => sendRaw(socket, bytes),
    close: async () => {
      await closeServer(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function sendRaw(socket: string, bytes: string | Buffer): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const connection = connect(socket);
    const timer = setTimeout(() => connection.destroy(), PATIENCE_MS);
    connection.on('data', (chunk) => chunks.push(chunk));
    // a server that refuses before it has read everything resets the rest
    connection.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    connection.on('close', () => {
      clearTimeout(timer);
      resolve(parseAnswer(Buffer.concat(chunks).toString('utf8')));
    });
    connection.write(bytes);
  });
}

/** Status 0: the connection was closed without a word. */
function parseAnswer(text: string): RawAnswer {
  const [head = '', body = ''] = text.split(/\r\n\r\n(.*)/s);
  return { status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0), head, body };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
