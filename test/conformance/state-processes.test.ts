import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStateStore, type StateStore } from '../../src/drivers/state/state-store.ts';
import { makeOperation } from '../support/sample-operations.ts';
import { StateProcess } from '../support/state-process.ts';

describe('state shared by several processes', () => {
  let stateDir: string;
  let state: StateStore;
  const processes: StateProcess[] = [];

  beforeEach(() => {
    stateDir = mkdtempSync(path.join(tmpdir(), 'dr-st-shared-'));
    state = openStateStore({ stateDir, isAlive: () => true });
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((process) => process.kill()));
    state.close();
    rmSync(stateDir, { recursive: true });
  });

  function start(folder = stateDir, opens: 'at once' | 'on command' = 'at once'): StateProcess {
    const process = new StateProcess(folder, { opens });
    processes.push(process);
    return process;
  }

  async function waitForStep(operationId: string, step: RegExp): Promise<void> {
    while (!step.test((await state.journal.read(operationId)).operation.step)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('gives a lock that two processes race for to exactly one of them, every time', async () => {
    const [left, right] = [start(), start()];
    await Promise.all([left.ask('owner'), right.ask('owner')]);
    const winners = new Set<string>();
    for (let turn = 0; turn < 50; turn += 1) {
      const atMs = Date.now() + 10;
      const answers = await Promise.all([
        left.ask('acquire', 'instance:a', 'left', atMs),
        right.ask('acquire', 'instance:a', 'right', atMs),
      ]);
      expect(answers.filter((answer) => answer === null)).toHaveLength(1);
      const winner = answers[0] === null ? 'left' : 'right';
      expect(answers.find((answer) => answer !== null)).toMatchObject({ key: 'instance:a', operationId: winner });
      winners.add(winner);
      await (winner === 'left' ? left : right).ask('release', winner);
    }
    expect(winners.size).toBeGreaterThan(0);
  });

  it('frees the lock of a process that was killed, at once', async () => {
    const [holder, rival] = [start(), start()];
    expect(await holder.ask('acquire', 'instance:a', 'first')).toBeNull();
    expect(await rival.ask('acquire', 'instance:a', 'second')).toMatchObject({ operationId: 'first' });
    await holder.kill();
    expect(await rival.ask('acquire', 'instance:a', 'second')).toBeNull();
  });

  it('keeps a step that was entered when its process is killed right after', async () => {
    const operation = makeOperation();
    const writer = start();
    await writer.ask('begin', operation);
    await writer.ask('enterStep', operation.id, 'snapshot', { overlays: ['/a'] });
    await writer.kill();
    expect(await state.journal.read(operation.id)).toMatchObject({
      operation: { step: 'snapshot', status: 'running' },
      plan: { overlays: ['/a'] },
    });
  });

  it('is whole after its writer is killed in the middle of writing', async () => {
    const operation = makeOperation();
    await state.journal.begin(operation, { owner: { pid: 1, startTicks: 1, bootId: '' }, plan: null });
    for (let turn = 0; turn < 5; turn += 1) {
      const writer = start();
      const writing = writer.ask('write', operation.id, 1e6).catch(() => 'killed');
      await waitForStep(operation.id, /^step [1-9]/);
      await writer.kill();
      expect(await writing).toBe('killed');
      const { operation: found, plan } = await state.journal.read(operation.id);
      expect(plan).toEqual({ turn: Number(found.step.split(' ')[1]) });
      await state.journal.enterStep(operation.id, 'start', null);
    }
  });

  it('can be read while another process writes, and step and plan always belong together', async () => {
    const operation = makeOperation();
    const writer = start();
    await writer.ask('begin', operation);
    const progress = { isDone: false };
    const writing = writer.ask('write', operation.id, 500).finally(() => {
      progress.isDone = true;
    });
    const seen = new Set<string>();
    while (!progress.isDone) {
      const entry = await state.journal.read(operation.id);
      seen.add(entry.operation.step);
      if (entry.plan !== null) expect(`step ${Object(entry.plan).turn}`).toBe(entry.operation.step);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    expect(seen.size).toBeGreaterThan(3);
    expect((await state.journal.read(operation.id)).operation.step).toBe('step 500');
  });

  it('gives an abandoned operation to exactly one of two recoveries', async () => {
    const [left, right] = [start(), start()];
    const owner = { pid: 1, startTicks: 1, bootId: '' };
    for (let turn = 0; turn < 10; turn += 1) {
      const operation = makeOperation();
      await state.journal.begin(operation, { owner, plan: null });
      const answers = await Promise.all([
        left.ask('adopt', operation.id, owner),
        right.ask('adopt', operation.id, owner),
      ]);
      expect(answers.filter(Boolean)).toHaveLength(1);
    }
  });

  it('can be made by several processes at the same time', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const folder = path.join(stateDir, `fresh-${turn}`);
      const starters = Array.from({ length: 5 }, () => start(folder, 'on command'));
      await Promise.all(starters.map((starter) => starter.ask('owner')));
      const opened = await Promise.all(starters.map((starter) => starter.ask('open')));
      expect(opened).toEqual([true, true, true, true, true]);
      await Promise.all(starters.map((starter) => starter.kill()));
    }
  });
});
