import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { RequestedConsistency } from '../../src/model/consistency.ts';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { isFrozen } from './support/guest-agent.ts';
import {
  type CallPoint,
  type CaptureFact,
  captureRequest,
  recordCapture,
  recoverAndDie,
} from './support/kill-harness.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { labelled } from './support/snapshot-points.ts';
import { domainState, shutDown } from './support/virsh.ts';

const MATRIX_TIMEOUT_MS = 600_000;

/** Calls of which half is done, when their caller dies, on the other side of a socket. */
const CUT_SHORT = [
  'hypervisor.freezeFileSystems',
  'hypervisor.suspendDomain',
  'hypervisor.createDiskSnapshot',
  'hypervisor.startActiveCommit',
  'hypervisor.pivotBlockJob',
  'diskTool.convert',
];

/** qemu-img is well at work by then. */
const AFTER_MS: Readonly<Record<string, number>> = { 'diskTool.convert': 60 };

const operationsSchema = z.array(z.object({ status: z.string(), endedAt: z.string().nullable() }));

describe('kill -9 of a live capture', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2', backing: true },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let round = 0;
  /** Images before the last death. */
  let known = 0;
  const files = new Map<string, string>();

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    before = await recordGuest(guest());
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it(
    'row 55, row 25: a quiesced one leaves guest, disks and store as they were, whatever step it dies in',
    () => dieEverywhere('quiesced'),
    MATRIX_TIMEOUT_MS,
  );

  it(
    'row 55, row 24: a paused one leaves guest, disks and store as they were, whatever step it dies in',
    // from the copy on it is as a quiesced one
    () => dieEverywhere('paused', { until: 'diskTool.convert' }),
    MATRIX_TIMEOUT_MS,
  );

  it('keeps what was written while the guest was on its overlays, over a boot', async () => {
    await shutDown(guest());
    await runCommand('qemu-img', ['check', '-q', '-f', 'qcow2', path.join(guest().folder, 'vda.qcow2')]);
    await guest().boot();
    expect(files.size).toBeGreaterThan(10);
    for (const [file, content] of files) expect(await guest().readFile(file), file).toBe(content);
  });

  it('keeps whole images only', async () => {
    const images = await listImageFolders();
    expect(images.length).toBeGreaterThan(2);
    for (const image of images) await darkroom.json(['image', 'verify', image]);
  });

  async function dieEverywhere(
    consistency: RequestedConsistency,
    { until }: { readonly until?: string } = {},
  ): Promise<void> {
    const facts = await recordCapture(darkroom, guest(), { name: `recorded ${consistency}`, consistency });
    const all = pointsOf(facts);
    const end = all.findIndex(({ call }) => call === until);
    const points = end === -1 ? all : all.slice(0, end);
    // the steps that a capture has today; more may come, and are met by themselves
    expect(new Set(facts.map(({ step }) => step))).toContain(consistency === 'paused' ? 'pausing' : 'freezing');
    expect(points.length).toBeGreaterThan(10);
    // each process looks after what the one before left, and then dies of its own
    let last: CallPoint | null = null;
    for (const at of points) {
      const died: CallPoint | null = last;
      const name = `round ${round++}`;
      const job = { ...captureRequest(guest(), { name, consistency }), at };
      await labelled(died === null ? 'not killed yet' : `killed ${nameOf(died)}`, () =>
        recoverAndDie(darkroom, guest().uri, job, (told) => expectRecovered(died, told.at(-1)?.newest)),
      );
      await writeMeanwhile(name);
      last = at;
    }
    await darkroom.json(['instance', 'list']);
    const [newest] = operationsSchema.parse(await darkroom.json(['operation', 'list', '--limit', '1']));
    await expectRecovered(last, newest);
  }

  async function expectRecovered(died: CallPoint | null, newest: CaptureFact['newest']): Promise<void> {
    await assertClean(before, darkroom);
    for (const [file, content] of [...files].slice(-2)) expect(await guest().readFile(file), file).toBe(content);
    const images = (await listImageFolders()).length;
    if (died !== null) {
      expect(images - known, 'images').toBe(hasPassed(died, 'draft.publish') ? 1 : 0);
      expectInterrupted(died, newest);
    }
    known = images;
  }

  /** Into both disks, as a guest does that knows nothing of all this; one that is frozen or paused cannot. */
  async function writeMeanwhile(name: string): Promise<void> {
    if ((await domainState(guest())) !== 'running' || (await isFrozen(guest()))) return;
    for (const folder of ['', '/mnt/vdb']) {
      const file = `${folder}/${name.replace(' ', '-')}`;
      await guest().writeFile(file, `${name} in ${file}\n`);
      files.set(file, `${name} in ${file}\n`);
    }
  }

  function expectInterrupted(point: CallPoint, newest: CaptureFact['newest']): void {
    if (point.call === 'journal.begin' && point.when === 'before') return;
    const isOver = point.call === 'journal.finish' && point.when === 'after';
    expect(newest?.status, 'status of the operation').toBe(isOver ? 'succeeded' : 'interrupted');
    expect(newest?.endedAt).not.toBeNull();
  }

  function hasPassed(point: CallPoint, call: string): boolean {
    const order = [call, 'journal.saveFacts', 'journal.finish'];
    if (point.call === call) return point.when === 'after';
    return order.includes(point.call) || (point.call === 'journal.enterStep' && point.nth === lastStep);
  }

  let lastStep = 0;

  function pointsOf(facts: readonly CaptureFact[]): CallPoint[] {
    lastStep = facts.filter(({ call }) => call === 'journal.enterStep').length;
    return facts.flatMap(({ call, nth = 1 }) => {
      if (call === undefined) return [];
      const points: CallPoint[] = [{ call, nth, when: 'after' }];
      if (call.startsWith('hypervisor.')) points.unshift({ call, nth, when: 'before' });
      if (CUT_SHORT.includes(call)) points.push({ call, nth, when: 'during', afterMs: AFTER_MS[call] ?? 2 });
      return points;
    });
  }

  async function listImageFolders(): Promise<readonly string[]> {
    return readdir(path.join(darkroom.store, 'images')).catch(() => []);
  }
});

function nameOf({ when, call, nth }: CallPoint): string {
  return `${when} ${call} ${nth}`;
}
