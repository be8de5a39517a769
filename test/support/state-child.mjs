// A process of its own on a shared state folder: takes one command a line on stdin and answers each on stdout.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createClock } from '../../dist/drivers/host/clock.js';
import { openStateStore } from '../../dist/drivers/state/state-store.js';
import { waitForSlot } from '../../dist/operations/support/slots.js';

const startTicks = (pid) =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19],
  );
const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
const owner = { pid: process.pid, startTicks: startTicks(process.pid), bootId };

function isAlive(identity) {
  try {
    const stat = readFileSync(`/proc/${identity.pid}/stat`, 'utf8');
    return identity.bootId === bootId && startTicks(identity.pid) === identity.startTicks && !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

const open = () => openStateStore({ stateDir: process.argv[2], isAlive });
let state = process.argv[3] === 'late' ? null : open();

const commands = {
  open: async () => {
    state = open();
    return true;
  },
  acquire: async (key, operationId) =>
    await state.locks.tryAcquire([key], { operationId, kind: 'image.create', owner }),
  release: async (operationId) => await state.locks.release(operationId),
  begin: async (operation) => await state.journal.begin(operation, { owner, plan: null }),
  enterStep: async (id, step, plan) => await state.journal.enterStep(id, step, plan),
  finish: async (id, outcome) => await state.journal.finish(id, outcome),
  adopt: async (id, from) => await state.journal.adopt(id, { from, to: owner }),
  owner: async () => owner,
  write: async (id, turns) => {
    for (let turn = 1; turn <= turns; turn += 1) await state.journal.enterStep(id, `step ${turn}`, { turn });
  },
  /** Waits for one of `limit` slots for copies, holds it, and says from when to when. */
  holdSlot: async (limit, ms) => {
    const settings = { maxConcurrentCopies: limit };
    const core = { locks: state.locks, processes: { self: owner }, clock: createClock(), settings };
    const slot = await waitForSlot(core, 'copy', {});
    const from = Date.now();
    await core.clock.sleep(ms);
    const to = Date.now();
    await slot[Symbol.asyncDispose]();
    return { from, to, hasWaited: slot.hasWaited };
  },
  close: async () => state.close(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = JSON.parse(line);
  try {
    process.stdout.write(`${JSON.stringify({ value: (await commands[name](...values)) ?? null })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: `${error.code}: ${error.message}` })}\n`);
  }
}
