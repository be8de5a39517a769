import { createServer } from 'node:net';

/** Below those that the kernel gives to connections: of these, another test would have it by the time that it is used. */
const [FIRST, COUNT] = [20_000, 10_000];

/** A port of the loopback that nobody listens at. */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
