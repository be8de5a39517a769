import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Operation, OperationResult, ProcessIdentity } from '../../src/model/operation.ts';
import type { Journal, LockTable, OperationFilter } from '../../src/model/ports/journal.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeOperation, outcome, processIdentity } from '../support/sample-operations.ts';

export interface StateUnderTest {
  readonly journal: Journal;
  readonly locks: LockTable;
  readonly dispose: () => void;
}

export type MakeState = (isAlive: (identity: ProcessIdentity) => boolean) => StateUnderTest;

const OWNER = processIdentity(100);

/** What every journal must do. */
export function describeJournal(name: string, makeState: MakeState): void {
  describe(name, () => {
    let state: StateUnderTest;
    let journal: Journal;

    beforeEach(() => {
      state = makeState(() => true);
      journal = state.journal;
    });
    afterEach(() => state.dispose());

    async function begin(changes: Partial<Operation> = {}): Promise<Operation> {
      const operation = makeOperation(changes);
      await journal.begin(operation, { owner: OWNER, plan: null });
      return operation;
    }

    it('gives back an operation as it was begun, with owner and plan', async () => {
      const operation = makeOperation({ target: 'гость 日本', progress: { done: 1, total: 2, unit: 'steps' } });
      const plan = { overlays: [{ path: '/a "quoted" name', isPivoted: false }] };
      await journal.begin(operation, { owner: OWNER, plan });
      const expected = { operation, owner: OWNER, plan, isCancelRequested: false, revision: expect.any(Number) };
      expect(await journal.read(operation.id)).toEqual(expected);
    });

    it('finds what was begun under a key of a principal, and under no other', async () => {
      const operation = makeOperation({ requestedBy: 'alice' });
      const idempotency = { key: 'key-1', digest: 'd1' };
      await journal.begin(operation, { owner: OWNER, plan: null, idempotency });
      expect(await journal.findByKey('alice', 'key-1')).toEqual({ operation, digest: 'd1' });
      expect(await journal.findByKey('bob', 'key-1')).toBeNull();
      expect(await journal.findByKey('alice', 'key-2')).toBeNull();
    });

    it('lists what has changed since a revision, in the order of its last change', async () => {
      const first = await begin();
      const second = await begin();
      const seen = await journal.lastRevision();
      const changedIds = async () => (await journal.listChanged(seen, 10)).map(({ operation }) => operation.id);
      expect(await changedIds()).toEqual([]);
      await journal.enterStep(second.id, 'copy', null);
      await journal.finish(first.id, outcome('succeeded'));
      expect(await changedIds()).toEqual([second.id, first.id]);
      await journal.enterStep(second.id, 'publish', null);
      expect(await changedIds()).toEqual([first.id, second.id]);
      expect(await journal.listChanged(seen, 1)).toHaveLength(1);
      expect(await journal.listChanged(await journal.lastRevision(), 10)).toEqual([]);
    });

    it('lists operations of one kind, target or principal, and pages of them', async () => {
      const at = (minute: number) => `2024-01-01T00:0${minute}:00.000Z`;
      const alices = await begin({ requestedBy: 'alice', target: 'web', kind: 'image.verify', startedAt: at(1) });
      const bobs = await begin({ requestedBy: 'bob', target: 'db', startedAt: at(2) });
      const ids = async (filter: OperationFilter) => (await journal.list(filter)).map(({ operation }) => operation.id);
      expect(await ids({ requestedBy: 'alice' })).toEqual([alices.id]);
      expect(await ids({ target: 'db' })).toEqual([bobs.id]);
      expect(await ids({ kind: 'image.verify' })).toEqual([alices.id]);
      expect(await ids({ limit: 1 })).toEqual([bobs.id]);
      expect(await ids({ limit: 1, marker: bobs.id })).toEqual([alices.id]);
      expect(await ids({ marker: alices.id })).toEqual([]);
      await expectFailure(journal.list({ marker: randomUUID() }), 'OPERATION_NOT_FOUND');
    });

    it('knows no operation that was not begun', async () => {
      const id = randomUUID();
      await expectFailure(journal.read(id), 'OPERATION_NOT_FOUND');
      await expectFailure(journal.enterStep(id, 'x', null), 'OPERATION_NOT_FOUND');
      await expectFailure(journal.saveFacts(id, { warnings: [] }), 'OPERATION_NOT_FOUND');
      await expectFailure(journal.finish(id, outcome('succeeded')), 'OPERATION_NOT_FOUND');
      await expectFailure(journal.requestCancel(id), 'OPERATION_NOT_FOUND');
      await journal.saveProgress(id, { done: 1, total: 2, unit: 'bytes' });
      expect(await journal.adopt(id, { from: OWNER, to: processIdentity(2) })).toBe(false);
    });

    it('refuses to begin an operation twice', async () => {
      const operation = await begin();
      await expectFailure(journal.begin(operation, { owner: OWNER, plan: null }), 'INTERNAL');
    });

    it('remembers the step that was entered, and the plan for putting it right', async () => {
      const { id } = await begin();
      await journal.enterStep(id, 'snapshot', { disks: ['vda'] });
      const entered = await journal.read(id);
      expect(entered.operation.step).toBe('snapshot');
      expect(entered.plan).toEqual({ disks: ['vda'] });
      await journal.enterStep(id, 'settled', null);
      expect((await journal.read(id)).plan).toBeNull();
    });

    it('adds facts to those that are known', async () => {
      const { id } = await begin();
      await journal.saveFacts(id, { timings: { freezeMs: 80 }, warnings: ['no agent'] });
      await journal.saveFacts(id, { timings: { copyMs: 1000.5 }, result: { imageId: 'i' } });
      await journal.saveFacts(id, { warnings: ['no agent', 'slow'] });
      const { operation } = await journal.read(id);
      expect(operation.timings).toEqual({ freezeMs: 80, copyMs: 1000.5 });
      expect(operation.result).toEqual({ imageId: 'i' });
      expect(operation.warnings).toEqual(['no agent', 'slow']);
    });

    it('keeps every field of a result', async () => {
      const { id } = await begin();
      const result: Required<OperationResult> = {
        imageId: 'i',
        instanceId: 'n',
        snapshotId: 's',
        snapshotIds: ['s', 't'],
        path: '/disk.qcow2',
        volume: {
          ...{ id: 'v', instance: null, target: null, path: '/disk.qcow2', format: 'qcow2' },
          ...{ virtualSizeBytes: 2, sizeBytes: 1 },
        },
        freedBytes: 3,
        uri: 'nbd+unix:///',
        serviceImageId: 'g',
      };
      await journal.finish(id, { ...outcome('succeeded'), error: null, result });
      expect((await journal.read(id)).operation.result).toEqual(result);
    });

    it('keeps the outcome, the last progress and every fact of a finished operation', async () => {
      const { id } = await begin();
      await journal.saveFacts(id, { timings: { freezeMs: 80 }, warnings: ['early'] });
      for (let done = 0; done <= 500; done += 1) await journal.saveProgress(id, { done, total: 500, unit: 'bytes' });
      const error = { code: 'NO_SPACE', message: 'full' } as const;
      await journal.finish(id, {
        ...outcome('failed'),
        error,
        timings: { copyMs: 7 },
        result: { imageId: 'i' },
        warnings: ['late'],
      });
      expect((await journal.read(id)).operation).toMatchObject({
        status: 'failed',
        endedAt: '2024-01-01T01:00:00.000Z',
        error,
        progress: { done: 500, total: 500, unit: 'bytes' },
        timings: { freezeMs: 80, copyMs: 7 },
        result: { imageId: 'i' },
        warnings: ['early', 'late'],
      });
    });

    it('shows the newest progress to its own process at once, and none when it was taken back', async () => {
      const { id } = await begin();
      await journal.saveProgress(id, { done: 1, total: 9, unit: 'bytes' });
      await journal.saveProgress(id, { done: 2, total: 9, unit: 'bytes' });
      expect((await journal.read(id)).operation.progress?.done).toBe(2);
      expect((await journal.list())[0]?.operation.progress?.done).toBe(2);
      await journal.saveProgress(id, null);
      expect((await journal.read(id)).operation.progress).toBeNull();
    });

    it('lets recovery settle an operation that ended with work left, and keeps its outcome changeable', async () => {
      const { id } = await begin();
      await journal.enterStep(id, 'commit', { overlay: 'x' });
      await journal.finish(id, outcome('failed'));
      expect((await journal.list({ isUnsettled: true })).map((entry) => entry.operation.id)).toEqual([id]);
      await journal.enterStep(id, 'recovered', null);
      await journal.finish(id, { ...outcome('failed'), warnings: ['was put right'] });
      expect(await journal.list({ isUnsettled: true })).toEqual([]);
      expect((await journal.read(id)).operation.warnings).toEqual(['was put right']);
    });

    it('gives an operation of a dead process to exactly one that asks', async () => {
      const { id } = await begin();
      const [first, second] = [processIdentity(200), processIdentity(300)];
      expect(await journal.adopt(id, { from: OWNER, to: first })).toBe(true);
      expect(await journal.adopt(id, { from: OWNER, to: second })).toBe(false);
      expect((await journal.read(id)).owner).toEqual(first);
    });

    it('tells processes apart by pid, start and boot', async () => {
      const { id } = await begin();
      for (const other of [{ pid: 1 }, { startTicks: 1 }, { bootId: 'other' }]) {
        expect(await journal.adopt(id, { from: { ...OWNER, ...other }, to: processIdentity(2) })).toBe(false);
      }
    });

    it('takes the wish to cancel while an operation runs, and not after', async () => {
      const { id } = await begin();
      await journal.requestCancel(id);
      await journal.requestCancel(id);
      expect((await journal.read(id)).isCancelRequested).toBe(true);
      await journal.finish(id, outcome('cancelled'));
      await expectFailure(journal.requestCancel(id), 'OPERATION_FINISHED');
    });

    it('lists newest first, by status, unsettled ones, and no more than asked for', async () => {
      const first = await begin({ startedAt: '2024-01-01T00:00:01.000Z' });
      const third = await begin({ startedAt: '2024-01-01T00:00:03.000Z' });
      const second = await begin({ startedAt: '2024-01-01T00:00:02.000Z' });
      const alsoThird = await begin({ startedAt: '2024-01-01T00:00:03.000Z' });
      await journal.finish(second.id, outcome('succeeded'));
      await journal.enterStep(first.id, 'x', {});
      const ids = async (...filter: Parameters<Journal['list']>) =>
        (await journal.list(...filter)).map((entry) => entry.operation.id);
      expect(await ids()).toEqual([alsoThird.id, third.id, second.id, first.id]);
      expect(await ids({ limit: 2 })).toEqual([alsoThird.id, third.id]);
      expect(await ids({ status: 'succeeded' })).toEqual([second.id]);
      expect(await ids({ status: 'running', limit: 1 })).toEqual([alsoThird.id]);
      expect(await ids({ isUnsettled: true })).toEqual([first.id]);
      expect(await ids({ limit: 0 })).toEqual([]);
    });

    it('forgets finished operations beyond the newest thousand, but none that runs or has work left', async () => {
      const running = await begin({ startedAt: '2020-01-01T00:00:00.000Z' });
      const unsettled = await begin({ startedAt: '2020-01-01T00:00:00.000Z' });
      await journal.enterStep(unsettled.id, 'commit', { overlay: 'x' });
      await journal.finish(unsettled.id, outcome('failed'));
      const ids: string[] = [];
      for (let index = 0; index < 1003; index += 1) {
        const startedAt = new Date(Date.UTC(2021, 0, 1) + index * 1000).toISOString();
        const { id } = await begin({ startedAt });
        await journal.finish(id, outcome('succeeded'));
        ids.push(id);
      }
      await begin();
      expect(await journal.list({ status: 'succeeded' })).toHaveLength(1000);
      for (const id of ids.slice(0, 3)) await expectFailure(journal.read(id), 'OPERATION_NOT_FOUND');
      for (const id of [ids[3] ?? '', running.id, unsettled.id]) expect((await journal.read(id)).operation.id).toBe(id);
    });
  });
}

/** What every lock table must do. */
export function describeLockTable(name: string, makeState: MakeState): void {
  describe(name, () => {
    const dead = new Set<number>();
    let state: StateUnderTest;
    let locks: LockTable;

    beforeEach(() => {
      dead.clear();
      state = makeState((identity) => !dead.has(identity.pid));
      locks = state.locks;
    });
    afterEach(() => state.dispose());

    const claim = (operationId: string, pid = 1) => ({
      operationId,
      kind: 'image.create',
      owner: processIdentity(pid),
    });

    it('gives a free lock, and names the holder of a taken one', async () => {
      expect(await locks.tryAcquire(['instance:a'], claim('one'))).toBeNull();
      expect(await locks.tryAcquire(['instance:a'], claim('two', 2))).toEqual({ key: 'instance:a', ...claim('one') });
      expect(await locks.tryAcquire(['instance:b'], claim('two', 2))).toBeNull();
    });

    it('gives all keys or none', async () => {
      await locks.tryAcquire(['b'], claim('one'));
      expect(await locks.tryAcquire(['a', 'b', 'c'], claim('two'))).toMatchObject({ key: 'b', operationId: 'one' });
      expect(await locks.tryAcquire(['a', 'c'], claim('three'))).toBeNull();
      expect((await locks.list()).map((holder) => `${holder.key} ${holder.operationId}`)).toEqual([
        'a three',
        'b one',
        'c three',
      ]);
    });

    it('gives an operation what it already has, and more', async () => {
      await locks.tryAcquire(['a'], claim('one'));
      expect(await locks.tryAcquire(['a', 'b'], claim('one'))).toBeNull();
      await locks.release('one');
      expect(await locks.list()).toEqual([]);
    });

    it('lets go of all locks of one operation, and only of those', async () => {
      await locks.tryAcquire(['a', 'b'], claim('one'));
      await locks.tryAcquire(['c'], claim('two'));
      await locks.release('one');
      await locks.release('one');
      expect((await locks.list()).map((holder) => holder.key)).toEqual(['c']);
    });

    it('takes over the locks of a process that is dead, and lists them no more', async () => {
      await locks.tryAcquire(['a'], claim('one', 1));
      dead.add(1);
      expect(await locks.list()).toEqual([]);
      expect(await locks.tryAcquire(['a'], claim('two', 2))).toBeNull();
      expect(await locks.list()).toEqual([{ key: 'a', ...claim('two', 2) }]);
    });

    it('needs no key to give none', async () => {
      expect(await locks.tryAcquire([], claim('one'))).toBeNull();
      expect(await locks.list()).toEqual([]);
    });
  });
}
