import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSocketTransport } from '../../src/api/socket-transport.ts';
import type { World } from '../soak/world.ts';

/** Asks an agent on its socket, and gives the milliseconds to the last byte of the answer. */
export function createStopwatch({ folder }: World): (path: string) => Promise<number> {
  const transport = createSocketTransport(path.join(folder, 'agent.sock'));
  return async (where) => {
    const started = performance.now();
    const { status, body } = await transport.send({ method: 'GET', path: where });
    for await (const _chunk of body);
    if (status !== 200) throw new Error(`GET ${where} answered ${status}`);
    return performance.now() - started;
  };
}

/** Asks at a steady pace, however long answers take, until told to end: what each one took. */
export function askSteadily(ask: () => Promise<number>, everyMs: number): { end(): Promise<readonly number[]> } {
  const over = new AbortController();
  const answers: Promise<number>[] = [];
  const asking = (async () => {
    while (!over.signal.aborted) {
      answers.push(ask());
      await sleep(everyMs);
    }
  })();
  return {
    end: async () => {
      over.abort();
      await asking;
      return await Promise.all(answers);
    },
  };
}
