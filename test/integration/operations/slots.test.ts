import { expect, it, vi } from 'vitest';
import type { LockTable } from '../../../src/model/ports/journal.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { queueForSlot, type Slot, waitForSlot } from '../../../src/operations/support/slots.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { createFakeLocks } from '../../support/fake-journal.ts';
import { createImageCore } from '../../support/image-core.ts';

/** On a busy machine the second that vitest gives is not enough. */
const PATIENT = { timeout: 20_000 };

interface Host {
  readonly locks: LockTable;
  /** A process on it, with its own clock. */
  process(pid: number): Core & { readonly settings: { maxConcurrentCopies: number } };
  kill(pid: number): void;
}

function makeHost(maxConcurrentCopies: number): Host {
  const dead = new Set<number>();
  const locks = createFakeLocks(({ pid }) => !dead.has(pid));
  return {
    locks,
    process: (pid) => ({
      ...createImageCore({ locks, processes: createFakeProcesses(pid) }),
      settings: { ...createImageCore({}).settings, maxConcurrentCopies },
    }),
    kill: (pid) => void dead.add(pid),
  };
}

const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

async function tickets(host: Host): Promise<number> {
  return (await host.locks.list()).filter(({ key }) => key.startsWith('slot-ticket:')).length;
}

it('no more than the limit have a slot at once, whichever process they are of, and nothing is left', async () => {
  const host = makeHost(3);
  let now = 0;
  let most = 0;
  const copyOnce = async (pid: number): Promise<void> => {
    await using _slot = await waitForSlot(host.process(pid), 'copy', {});
    now += 1;
    most = Math.max(most, now);
    await turns();
    now -= 1;
  };
  await Promise.all(Array.from({ length: 20 }, (_none, index) => copyOnce(1000 + (index % 4))));
  expect(most).toBe(3);
  expect(await host.locks.list()).toEqual([]);
});

it('who came first is served first', async () => {
  const host = makeHost(1);
  const first = await waitForSlot(host.process(1), 'copy', {});
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  for (const pid of [2, 3, 4, 5]) {
    waiting.push(
      waitForSlot(host.process(pid), 'copy', {}).then(async (slot) => {
        order.push(pid);
        await turns();
        await slot[Symbol.asyncDispose]();
      }),
    );
    await vi.waitUntil(async () => (await tickets(host)) === pid - 1, PATIENT);
  }
  await first[Symbol.asyncDispose]();
  await Promise.all(waiting);
  expect(order).toEqual([2, 3, 4, 5]);
});

it('a place that comes free goes to who waits, not to who comes just then', async () => {
  const host = makeHost(1);
  const first = await waitForSlot(host.process(1), 'copy', {});
  const order: string[] = [];
  const note = (name: string) => async (slot: Slot) => {
    order.push(name);
    await slot[Symbol.asyncDispose]();
  };
  const waiting = waitForSlot(host.process(2), 'copy', {}).then(note('waiting'));
  await vi.waitUntil(async () => (await tickets(host)) === 1, PATIENT);
  await first[Symbol.asyncDispose]();
  await Promise.all([waiting, waitForSlot(host.process(3), 'copy', {}).then(note('late'))]);
  expect(order).toEqual(['waiting', 'late']);
});

it('each kind has slots of its own', async () => {
  const host = makeHost(1);
  await using _copy = await waitForSlot(host.process(1), 'copy', {});
  await using commit = await waitForSlot(host.process(1), 'commit', {});
  await using capture = await waitForSlot(host.process(1), 'capture', {});
  expect([commit.hasWaited, capture.hasWaited]).toEqual([false, false]);
});

it('the slots and the turn of a process that died are free', async () => {
  const host = makeHost(1);
  await waitForSlot(host.process(1), 'copy', {});
  const death = new AbortController();
  const lost = waitForSlot(host.process(2), 'copy', { signal: death.signal }).catch(() => undefined);
  await vi.waitUntil(async () => (await tickets(host)) === 1, PATIENT);
  host.kill(1);
  host.kill(2);
  await using slot = await waitForSlot(host.process(3), 'copy', {});
  expect(slot.hasWaited).toBe(false);
  death.abort();
  await lost;
});

it('a process that was stopped while it was the next holds up nobody for long', async () => {
  const host = makeHost(1);
  const owner = createFakeProcesses(2).self;
  await host.locks.tryAcquire(['slot-ticket:copy:000000000001'], { operationId: 'stopped', kind: 'slot', owner });
  const core = host.process(3);
  await using slot = await waitForSlot(core, 'copy', {});
  expect(slot.hasWaited).toBe(true);
  expect(core.clock.monotonicMs()).toBeGreaterThan(5_000);
  expect(core.clock.monotonicMs()).toBeLessThan(7_000);
});

it('a lower limit holds at once, and what is taken stays taken', async () => {
  const host = makeHost(3);
  const core = host.process(1);
  const slots = await Promise.all([0, 1, 2].map(() => waitForSlot(core, 'copy', {})));
  core.settings.maxConcurrentCopies = 1;
  const end = (index: number) => slots[index]?.[Symbol.asyncDispose]();
  await end(0);
  await end(2);
  const isOver = { isPatient: () => false };
  expect(await queueForSlot(core, 'copy', isOver)).toBeNull();
  await end(1);
  expect(await queueForSlot(core, 'copy', isOver)).not.toBeNull();
});

it('who is cancelled, or loses patience, leaves the queue', async () => {
  const host = makeHost(1);
  await using _slot = await waitForSlot(host.process(1), 'copy', {});
  const controller = new AbortController();
  const waiting = waitForSlot(host.process(2), 'copy', { signal: controller.signal });
  await vi.waitUntil(async () => (await tickets(host)) === 1, PATIENT);
  controller.abort();
  await expectFailure(waiting, 'CANCELLED');
  expect(await queueForSlot(host.process(2), 'copy', { isPatient: () => false })).toBeNull();
  expect(await tickets(host)).toBe(0);
});

it('says that it waits, and does not where it need not', async () => {
  const host = makeHost(1);
  const onWait = vi.fn(async () => undefined);
  const first = await waitForSlot(host.process(1), 'copy', { onWait });
  expect(onWait).not.toHaveBeenCalled();
  const second = waitForSlot(host.process(2), 'copy', { onWait });
  await vi.waitUntil(() => onWait.mock.calls.length > 0, PATIENT);
  await turns();
  await first[Symbol.asyncDispose]();
  expect((await second).hasWaited).toBe(true);
});
