import { expect, it, vi } from 'vitest';
import type { Core, OperationContext } from '../../../src/operations/support/context.ts';
import { copyInSlots, createCopyTurns } from '../../../src/operations/support/copy-turns.ts';
import { OperationHandle } from '../../../src/operations/support/operation-handle.ts';
import { waitForSlot } from '../../../src/operations/support/slots.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeJournal } from '../../support/fake-journal.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeOperation } from '../../support/sample-operations.ts';

/** On a busy machine the second that vitest gives is not enough. */
const PATIENT = { timeout: 20_000 };

const turns = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

function makeWork() {
  const seen = { now: 0, most: 0, begun: [] as string[] };
  const work = async (disk: string): Promise<string> => {
    seen.now += 1;
    seen.most = Math.max(seen.most, seen.now);
    seen.begun.push(disk);
    await turns();
    seen.now -= 1;
    if (disk === 'bad') throw new Error('broken on purpose');
    return `copy of ${disk}`;
  };
  return { seen, work };
}

async function slotsTaken(core: Core): Promise<number> {
  return (await core.locks.list()).length;
}

it('copies one disk after the other in the slot that is held when others have the rest', async () => {
  const core = createImageCore({}, { maxConcurrentCopies: 2 });
  await using _own = await waitForSlot(core, 'copy', {});
  await using _others = await waitForSlot(core, 'copy', {});
  const { seen, work } = makeWork();
  expect(await copyInSlots(core, ['vda', 'vdb', 'vdc'], work)).toEqual(['copy of vda', 'copy of vdb', 'copy of vdc']);
  expect(seen.most).toBe(1);
  expect(await slotsTaken(core)).toBe(2);
});

it('copies in every slot that is free or comes free, and gives it back', async () => {
  const core = createImageCore({}, { maxConcurrentCopies: 3 });
  await using _own = await waitForSlot(core, 'copy', {});
  const { seen, work } = makeWork();
  const copies = await copyInSlots(core, ['vda', 'vdb', 'vdc', 'vdd', 'vde'], work);
  expect(copies).toHaveLength(5);
  expect(seen.most).toBe(3);
  expect(await slotsTaken(core)).toBe(1);
});

it('begins nothing more after a failure, and waits for what runs', async () => {
  const core = createImageCore({}, { maxConcurrentCopies: 2 });
  await using _own = await waitForSlot(core, 'copy', {});
  const { seen, work } = makeWork();
  await expect(copyInSlots(core, ['bad', 'vdb', 'vdc', 'vdd'], work)).rejects.toThrow('broken on purpose');
  expect(seen.begun.length).toBeLessThan(4);
  expect(seen.now).toBe(0);
  expect(await slotsTaken(core)).toBe(1);
});

async function makeContext(maxConcurrentCopies: number): Promise<OperationContext & { entered: readonly string[] }> {
  const journal = createFakeJournal();
  const core = createImageCore({ journal }, { maxConcurrentCopies });
  const record = makeOperation();
  await journal.begin(record, { owner: core.processes.self, plan: null });
  return { ...core, entered: journal.entered, operation: new OperationHandle(record.id, journal) };
}

const stepsOf = ({ entered }: { readonly entered: readonly string[] }): string[] =>
  entered.map((entry) => entry.slice(entry.indexOf(' ') + 1));

it('an operation says that it waits, and what it does when it goes on', async () => {
  const context = await makeContext(1);
  const other = await waitForSlot(context, 'copy', {});
  const { signal } = new AbortController();
  const copying = createCopyTurns(context, { step: 'making disks', signal }).take(async () => 'copied');
  await vi.waitUntil(() => stepsOf(context).includes('waiting for other copies'), PATIENT);
  await other[Symbol.asyncDispose]();
  expect(await copying).toBe('copied');
  expect(stepsOf(context)).toEqual(['waiting for other copies', 'making disks']);
});

it('an operation of which one disk is copied does not say that it waits', async () => {
  const context = await makeContext(1);
  const { signal } = new AbortController();
  const copyTurns = createCopyTurns(context, { step: 'making disks', signal });
  const { seen, work } = makeWork();
  await Promise.all(['vda', 'vdb'].map((disk) => copyTurns.take(() => work(disk))));
  expect(seen).toMatchObject({ most: 1, begun: ['vda', 'vdb'] });
  expect(stepsOf(context)).toEqual([]);
});

it('a disk that waits can be cancelled', async () => {
  const context = await makeContext(1);
  await using _other = await waitForSlot(context, 'copy', {});
  const controller = new AbortController();
  const copying = createCopyTurns(context, { step: 'copy', signal: controller.signal }).take(async () => 'copied');
  await vi.waitUntil(() => stepsOf(context).length > 0, PATIENT);
  controller.abort();
  await expectFailure(copying, 'CANCELLED');
  expect(await slotsTaken(context)).toBe(1);
});
