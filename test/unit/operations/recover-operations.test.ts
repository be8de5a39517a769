import { beforeEach, expect, it } from 'vitest';
import type { JournalledOperation, Operation } from '../../../src/model/operation.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { type RecoveryTable, recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { createImageCore } from '../../support/image-core.ts';
import { makeOperation, outcome } from '../../support/sample-operations.ts';

const DEAD = { pid: 77, startTicks: 770, bootId: 'boot' };

let core: Core;
let recovered: string[];
let failing: Set<string>;

beforeEach(() => {
  core = createImageCore({});
  recovered = [];
  failing = new Set();
});

const table: RecoveryTable = {
  'image.create': async (_core, { operation }) => {
    recovered.push(operation.target);
    if (failing.has(operation.target)) throw new Error('cannot be mended now');
    return [`${operation.target} was mended`];
  },
};

async function put(changes: Partial<Operation>, plan: unknown = { some: 'plan' }, owner = DEAD): Promise<string> {
  const operation = makeOperation(changes);
  await core.journal.begin(operation, { owner, plan });
  return operation.id;
}

function read(id: string): Promise<JournalledOperation> {
  return core.journal.read(id);
}

it('row 55: mends what dead processes left, oldest first, and says interrupted', async () => {
  const late = await put({ target: 'late', startedAt: '2026-01-02T00:00:00.000Z', step: 'copy' });
  const early = await put({ target: 'early', startedAt: '2026-01-01T00:00:00.000Z', step: 'commit' });
  await recoverOperations(core, table);
  expect(recovered).toEqual(['early', 'late']);
  for (const id of [early, late]) {
    expect(await read(id)).toMatchObject({
      plan: null,
      operation: { status: 'interrupted', error: { code: 'OPERATION_INTERRUPTED' }, step: 'recovered' },
    });
  }
  expect((await read(early)).operation).toMatchObject({
    warnings: ['early was mended'],
    error: { message: expect.stringContaining('during the step commit') },
  });
  expect((await read(early)).operation.endedAt).not.toBeNull();
});

it('does not keep one thing waiting for another, and keeps the order of what was done to the same', async () => {
  const waiting: (() => void)[] = [];
  const slow: RecoveryTable = {
    'image.create': async (_core, { operation }) => {
      recovered.push(`${operation.target} ${operation.step}`);
      if (operation.step === 'first') await new Promise<void>((resolve) => waiting.push(resolve));
      return [];
    },
  };
  for (const target of ['one', 'two']) {
    await put({ target, startedAt: '2026-01-02T00:00:00.000Z', step: 'second' });
    await put({ target, startedAt: '2026-01-01T00:00:00.000Z', step: 'first' });
  }
  const recovering = recoverOperations(core, slow);
  await expect.poll(() => waiting).toHaveLength(2);
  expect([...recovered].sort()).toEqual(['one first', 'two first']);
  for (const goOn of waiting) goOn();
  await recovering;
  expect([...recovered.slice(2)].sort()).toEqual(['one second', 'two second']);
});

it('touches nothing of a living process', async () => {
  await put({ target: 'mine' }, { some: 'plan' }, core.processes.self);
  await recoverOperations(core, table);
  expect(recovered).toEqual([]);
});

it('tries one that cannot be mended again at the next start, and lets it stop no other', async () => {
  failing.add('first');
  const first = await put({ target: 'first', startedAt: '2026-01-01T00:00:00.000Z' });
  await put({ target: 'second', startedAt: '2026-01-02T00:00:00.000Z' });
  await recoverOperations(core, table);
  expect(recovered).toEqual(['first', 'second']);
  expect(await read(first)).toMatchObject({ plan: { some: 'plan' }, operation: { status: 'running' } });

  failing.clear();
  await recoverOperations({ ...core, processes: createFakeProcesses(2000) }, table);
  expect(recovered).toEqual(['first', 'second', 'first']);
  expect(await read(first)).toMatchObject({ plan: null, operation: { status: 'interrupted' } });
});

it('mends a finished operation with something left, and leaves it its end', async () => {
  const succeeded = await put({ target: 'succeeded' });
  await core.journal.finish(succeeded, outcome('succeeded'));
  const failed = await put({ target: 'failed' });
  const error = { code: 'NO_SPACE', message: 'full' } as const;
  await core.journal.finish(failed, { ...outcome('failed'), error });
  await recoverOperations(core, table);
  expect(recovered.sort()).toEqual(['failed', 'succeeded']);
  expect(await read(succeeded)).toMatchObject({ plan: null, operation: { status: 'succeeded', error: null } });
  expect(await read(failed)).toMatchObject({ plan: null, operation: { status: 'failed', error } });
});

it('only records the end of one that had changed nothing, or of a kind that changes nothing', async () => {
  const early = await put({ target: 'early' }, null);
  const verb = await put({ target: 'verb', kind: 'instance.start' });
  await recoverOperations(core, table);
  expect(recovered).toEqual([]);
  for (const id of [early, verb]) expect((await read(id)).operation.status).toBe('interrupted');
});

it('is done by one process only, however many start at once', async () => {
  await put({ target: 'one' });
  const others = [
    core,
    { ...core, processes: createFakeProcesses(2000) },
    { ...core, processes: createFakeProcesses(3000) },
  ];
  await Promise.all(others.map((other) => recoverOperations(other, table)));
  expect(recovered).toEqual(['one']);
});
