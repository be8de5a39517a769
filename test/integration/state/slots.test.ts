import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { openStateStore } from '../../../src/drivers/state/state-store.ts';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { StateProcess } from '../../support/state-process.ts';

const PATIENT = { timeoutMs: 20_000, intervalMs: 10 };

const holdingSchema = z.object({ from: z.number(), to: z.number(), hasWaited: z.boolean() });
type Holding = z.infer<typeof holdingSchema>;

let folder: string;
let processes: StateProcess[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-slots-'));
  processes = [];
});
afterEach(async () => {
  for (const each of processes) each.signal('SIGCONT');
  await Promise.all(processes.map((each) => each.kill()));
  rmSync(folder, { recursive: true, force: true });
});

/** They are up when it resolves. */
async function startProcesses(count: number): Promise<StateProcess[]> {
  const started = Array.from({ length: count }, () => new StateProcess(folder));
  processes.push(...started);
  await Promise.all(started.map((each) => each.ask('owner')));
  return started;
}

async function hold(child: StateProcess | undefined, { limit, ms }: { limit: number; ms: number }): Promise<Holding> {
  return holdingSchema.parse(await child?.ask('holdSlot', limit, ms));
}

const mostAtOnce = (all: readonly Holding[]): number =>
  Math.max(...all.map(({ from }) => all.filter((other) => other.from <= from && from < other.to).length));

async function locksLeft(): Promise<readonly string[]> {
  const state = openStateStore({ stateDir: folder, isAlive: () => true });
  try {
    return (await state.locks.list()).map(({ key }) => key);
  } finally {
    state.close();
  }
}

it('row 20: no more than the limit have a slot at once over all processes', async () => {
  const children = await startProcesses(6);
  const holdings = await Promise.all(children.map((child) => hold(child, { limit: 2, ms: 1_500 })));
  expect(mostAtOnce(holdings)).toBe(2);
  expect(holdings.filter(({ hasWaited }) => hasWaited).length).toBeGreaterThanOrEqual(4);
  expect(await locksLeft()).toEqual([]);
});

/** One has the slot and so many wait for it. */
async function areInLine(waiting: number): Promise<boolean> {
  const locks = await locksLeft();
  const tickets = locks.filter((key) => key.startsWith('slot-ticket:')).length;
  return tickets === waiting && locks.length === waiting + 1;
}

it('processes are served in the order in which they came', async () => {
  const [first, ...others] = await startProcesses(5);
  let isOver = false;
  const holding = [
    hold(first, { limit: 1, ms: 2_000 }).finally(() => {
      isOver = true;
    }),
  ];
  const areThey = async (count: number): Promise<boolean> => isOver || (await areInLine(count));
  await waitUntil('the first has the slot', () => areThey(0), PATIENT);
  for (const [index, child] of others.entries()) {
    holding.push(hold(child, { limit: 1, ms: 50 }));
    await waitUntil('it is in line', () => areThey(index + 1), PATIENT);
  }
  const starts = (await Promise.all(holding)).map(({ from }) => from);
  expect(starts).toEqual([...starts].sort((left, right) => left - right));
});

it('a slot is free when its process is killed, and so is a turn', async () => {
  const [holder, waiter, last] = await startProcesses(3);
  hold(holder, { limit: 1, ms: 60_000 }).catch(() => undefined);
  await waitUntil('one has it', () => areInLine(0), PATIENT);
  hold(waiter, { limit: 1, ms: 60_000 }).catch(() => undefined);
  await waitUntil('one waits', () => areInLine(1), PATIENT);
  const waiting = hold(last, { limit: 1, ms: 1 });
  await waitUntil('two wait', () => areInLine(2), PATIENT);
  const killed = Date.now();
  await Promise.all([holder?.kill(), waiter?.kill()]);
  // they would have held it for a minute
  expect((await waiting).from - killed).toBeLessThan(20_000);
});

it('a process that was stopped while it waited holds up those behind it for some seconds only', async () => {
  const [holder, stopped, last] = await startProcesses(3);
  const held = hold(holder, { limit: 1, ms: 4_000 });
  await waitUntil('one has it', () => areInLine(0), PATIENT);
  const late = hold(stopped, { limit: 1, ms: 1 });
  await waitUntil('one waits', () => areInLine(1), PATIENT);
  stopped?.signal('SIGSTOP');
  const passed = await hold(last, { limit: 1, ms: 1 });
  // it would have waited for good
  expect(passed.from - (await held).to).toBeLessThan(20_000);
  stopped?.signal('SIGCONT');
  expect((await late).from).toBeGreaterThan(passed.from);
});
