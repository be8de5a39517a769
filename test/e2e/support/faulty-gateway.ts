import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from '../../support/free-port.ts';

const BUSY =
  'HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: 77\r\n\r\n' +
  '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>x</Message></Error>';

/** A way to a server that can fail as networks and servers do. */
export interface FaultyGateway extends AsyncDisposable {
  readonly endpoint: string;
  /** Connections are reset, new ones refused. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Connections stay, and nothing comes through. */
  pause(): void;
  continue(): void;
  /** Answers the next requests with 503 Slow Down. */
  beBusy(requests: number): void;
  /** Bytes that went to the server so far. */
  readonly sentBytes: number;
  /** Bytes per second in each direction of each connection; null: as fast as it goes. */
  limit(bytesPerSecond: number | null): void;
}

/** TCP in between: what it lets through, it does not change, so that signatures hold. */
export async function createFaultyGateway(target: {
  readonly host: string;
  readonly port: number;
}): Promise<FaultyGateway> {
  const state: State = { sentBytes: 0, isPaused: false, busy: 0, bytesPerSecond: null, wake: [] };
  const sockets = new Set<Socket>();
  const server = createServer((client) => serve(client, target, state, sockets));
  // it is to be had again after a stop
  const port = await findFreePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const gateway: FaultyGateway = {
    endpoint: `http://127.0.0.1:${port}`,
    get sentBytes() {
      return state.sentBytes;
    },
    stop: async () => {
      if (server.listening) await close(server, sockets);
    },
    start: async () => {
      if (server.listening) return;
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
    pause: () => {
      state.isPaused = true;
    },
    continue: () => {
      state.isPaused = false;
      for (const wake of state.wake.splice(0)) wake();
    },
    beBusy: (requests) => {
      state.busy = requests;
    },
    limit: (bytesPerSecond) => {
      state.bytesPerSecond = bytesPerSecond;
    },
    [Symbol.asyncDispose]: async () => {
      gateway.continue();
      await gateway.stop();
    },
  };
  return gateway;
}

interface State {
  sentBytes: number;
  isPaused: boolean;
  busy: number;
  bytesPerSecond: number | null;
  readonly wake: (() => void)[];
}

function serve(
  client: Socket,
  target: { readonly host: string; readonly port: number },
  state: State,
  sockets: Set<Socket>,
): void {
  track(client, sockets);
  if (state.busy > 0) {
    state.busy -= 1;
    client.once('data', () => client.end(BUSY));
    return;
  }
  const upstream = track(connect(target), sockets);
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroy());
  client.on('data', (chunk: Buffer) => {
    state.sentBytes += chunk.length;
  });
  forward(client, upstream, state);
  forward(upstream, client, state);
}

/** One chunk after the other, each when it may. */
function forward(from: Socket, to: Socket, state: State): void {
  from.on('data', async (chunk: Buffer) => {
    from.pause();
    while (state.isPaused) await new Promise<void>((resolve) => state.wake.push(resolve));
    if (state.bytesPerSecond !== null) await sleep((chunk.length / state.bytesPerSecond) * 1000);
    if (!to.destroyed && !to.write(chunk)) await once(to, 'drain').catch(() => undefined);
    if (!from.destroyed) from.resume();
  });
  from.on('end', () => to.end());
}

function track(socket: Socket, sockets: Set<Socket>): Socket {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
  socket.on('error', () => socket.destroy());
  return socket;
}

async function close(server: Server, sockets: Set<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.resetAndDestroy();
  await closed;
}
