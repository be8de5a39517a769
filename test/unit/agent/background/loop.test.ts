import { beforeEach, describe, expect, it } from 'vitest';
import { guardTask } from '../../../../src/agent/background/guard-task.ts';
import { type Loop, startLoop } from '../../../../src/agent/background/loop.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';

let clock: ManualClock;
let turns: number[];
beforeEach(() => {
  clock = createManualClock();
  turns = [];
});

function start(options: { workMs?: number; restMs?: number; work?: () => Promise<void> } = {}): Loop {
  return startLoop({
    clock,
    intervalMs: () => 1000,
    restMs: () => options.restMs ?? 0,
    work: async () => {
      turns.push(clock.monotonicMs());
      await (options.work?.() ?? clock.sleep(options.workMs ?? 0));
    },
  });
}

describe('a loop', () => {
  it('works at once, and again when its interval is over', async () => {
    const loop = start();
    await clock.advance(2500);
    expect(turns).toEqual([0, 1000, 2000]);
    await loop.stop();
  });

  it('never works twice at a time, however long it takes', async () => {
    const loop = start({ workMs: 3000 });
    await clock.advance(1000);
    loop.wake();
    loop.wake();
    await clock.advance(2500);
    expect(turns).toEqual([0, 3000]);
    await clock.advance(4500);
    expect(turns).toEqual([0, 3000, 7000]);
    const stopped = loop.stop();
    await clock.advance(5000);
    await stopped;
  });

  it('works at once when it is woken, and then as ever', async () => {
    const loop = start();
    await clock.advance(300);
    loop.wake();
    await clock.advance(1500);
    expect(turns).toEqual([0, 300, 1300]);
    await loop.stop();
  });

  it('rests between two turns, however often it is woken', async () => {
    const loop = start({ restMs: 400 });
    for (let wakes = 0; wakes < 10; wakes += 1) {
      loop.wake();
      await clock.advance(100);
    }
    expect(turns).toEqual([0, 400, 800]);
    await loop.stop();
  });

  it('begins nothing after it was stopped, and waits for what goes on', async () => {
    const loop = start({ workMs: 500 });
    await clock.advance(100);
    let isStopped = false;
    const stopped = loop.stop().then(() => {
      isStopped = true;
    });
    await clock.advance(300);
    expect(isStopped).toBe(false);
    await clock.advance(100);
    await stopped;
    loop.wake();
    await clock.advance(5000);
    expect(turns).toEqual([0]);
    expect(clock.sleepers).toBe(0);
  });

  it('stops at once while it rests or waits', async () => {
    for (const restMs of [0, 500]) {
      const loop = start({ restMs });
      await clock.advance(100);
      await loop.stop();
    }
    expect(clock.sleepers).toBe(0);
  });

  it('goes on after a turn that failed', async () => {
    const loop = start({ work: () => Promise.reject(new Error('once')) });
    await clock.advance(1000);
    expect(turns).toEqual([0, 1000]);
    await loop.stop();
  });
});

describe('a guarded task', () => {
  it('tells of a failure once, of every other one, and of its end', async () => {
    const told: string[] = [];
    const log = {
      warn: (fields: Readonly<Record<string, unknown>>) => void told.push(`${fields['task']}: ${fields['error']}`),
      info: (_: unknown, message: string) => void told.push(message),
    };
    let failure: Error | null = null;
    const task = guardTask(log, 'tidy', async () => {
      if (failure !== null) throw failure;
    });
    const run = () => task(new AbortController().signal);
    await run();
    failure = new DarkroomError('STORE_UNUSABLE', 'the store is away');
    await run();
    await run();
    failure = new Error('something else');
    await run();
    failure = null;
    await run();
    await run();
    expect(told).toEqual(['tidy: the store is away', 'tidy: something else', 'a task in the background works again']);
  });
});
