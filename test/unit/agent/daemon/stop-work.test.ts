import { describe, expect, it } from 'vitest';
import { stopWork } from '../../../../src/agent/daemon/stop-work.ts';
import { WorkGate } from '../../../../src/agent/daemon/work-gate.ts';
import { createFakeServiceManager } from '../../../support/fake-service-manager.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';

/** An application with operations that end when they are told to. */
function fakeWork(ids: readonly string[]) {
  const running = new Map<string, () => void>();
  const ended = new Map<string, Promise<void>>();
  const start = (id: string): void => {
    ended.set(id, new Promise((resolve) => running.set(id, resolve)));
  };
  const end = (id: string): void => {
    const resolve = running.get(id);
    running.delete(id);
    resolve?.();
  };
  for (const id of ids) start(id);
  const cancelled: string[] = [];
  const drain = async (): Promise<void> => {
    await Promise.all([...running.keys()].map((id) => ended.get(id)));
  };
  const application = {
    get runningIds() {
      return [...running.keys()];
    },
    drain,
    cancelAll: async () => {
      cancelled.push(...running.keys());
      await drain();
    },
  };
  return { application, start, end, cancelled };
}

/** A clock whose one sleep ends when it is told to, or is cut short. */
function patienceClock() {
  let lose: () => void = () => {};
  const asked: number[] = [];
  return {
    asked,
    lose: () => lose(),
    clock: {
      now: () => new Date(0),
      monotonicMs: () => 0,
      sleep: (ms: number, signal?: AbortSignal) => {
        asked.push(ms);
        return new Promise<void>((resolve, reject) => {
          lose = resolve;
          signal?.addEventListener('abort', () => reject(new Error('cut short')));
        });
      },
    },
  };
}

function stopping(ids: readonly string[], settings = { stopTimeoutMs: 160_000 }) {
  const work = fakeWork(ids);
  const patience = patienceClock();
  const service = createFakeServiceManager();
  const gate = new WorkGate();
  const hurry = new AbortController();
  let isOver = false;
  const parts = { ...work, service, gate, settings, clock: patience.clock, log: createRememberingLogger() };
  const stopped = stopWork(parts, hurry.signal).then(() => {
    isOver = true;
  });
  return { work, patience, service, gate, hurry, stopped, isOver: () => isOver };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a stopping agent', () => {
  it('stops at once when nothing runs', async () => {
    const { stopped, gate, service } = stopping([]);
    await stopped;
    expect(gate.isClosed).toBe(true);
    expect(service.told).toEqual(['stopping: Stopping: waiting for 0 operations', 'more time']);
  });

  it('waits for what runs, and for what began a moment before the gate was closed', async () => {
    const { work, stopped, isOver, patience } = stopping(['a']);
    work.start('b');
    work.end('a');
    await settle();
    expect(isOver()).toBe(false);
    work.end('b');
    await stopped;
    expect(work.cancelled).toEqual([]);
    expect(patience.asked).toEqual([160_000]);
  });

  it('cancels what still runs when time is up, and waits until it is undone', async () => {
    const { work, stopped, isOver, patience, service } = stopping(['a', 'b']);
    work.end('b');
    patience.lose();
    await settle();
    await settle();
    expect(work.cancelled).toEqual(['a']);
    expect(isOver()).toBe(false);
    expect(service.told).toContain('status: Stopping: undoing 1 operation');
    work.end('a');
    await stopped;
  });

  it('cancels at once at a second signal', async () => {
    const { work, stopped, hurry } = stopping(['a']);
    hurry.abort();
    await settle();
    await settle();
    expect(work.cancelled).toEqual(['a']);
    work.end('a');
    await stopped;
  });

  it('asks a timer for no more than a timer can do', async () => {
    const { work, stopped, patience } = stopping(['a'], { stopTimeoutMs: 1e15 });
    expect(patience.asked).toEqual([2 ** 31 - 1]);
    work.end('a');
    await stopped;
  });
});
