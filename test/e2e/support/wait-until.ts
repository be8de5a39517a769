import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs?: number;
}

/** Asks again until the answer is true; an error of the last ask is told when time is up. */
export async function waitUntil(what: string, ask: () => Promise<boolean>, options: WaitOptions): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      if (await ask()) return;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() >= deadline) throw new Error(`${what}: not within ${options.timeoutMs} ms`, { cause: lastError });
    await sleep(options.intervalMs ?? 100);
  }
}
