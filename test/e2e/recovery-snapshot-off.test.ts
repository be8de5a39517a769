import { cp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { OperationRequest } from '../../src/model/requests.ts';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import type { GuestDisk } from './support/guest-disks.ts';
import { recordRequest, recoverAndDie, requestAndDie } from './support/kill-harness.ts';
import { runCommand } from './support/run-command.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import {
  type DeathPoint,
  labelled,
  nameOf,
  type PointChoice,
  pointsOf,
  selectPoints,
} from './support/snapshot-points.ts';
import {
  bitmapsOf,
  expectKept,
  expectNoJob,
  expectSameContent,
  expectSound,
  readStoreState,
  type StoreState,
} from './support/snapshot-state.ts';
import { exportRaw, hashContent, hashDisk, takeSnapshot, takeSnapshots } from './support/snapshots.ts';
import { createTestFolder } from './support/test-folder.ts';
import { defineTinyGuest, type Guest } from './support/tiny-guest.ts';

const MATRIX_TIMEOUT_MS = 600_000;
/** Beside what follows them at once they tell nothing new. */
const JOURNAL = { 'journal.begin': 0, 'journal.saveFacts': 0, 'journal.finish': 0, 'snapshots.releaseClaim': 0 };

let guest: Guest;
let darkroom: DarkroomHost;

beforeAll(async () => {
  const folder = await createTestFolder();
  const image = path.join(folder.path, 'small.qcow2');
  await runCommand('qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
  // it never boots
  guest = await defineTinyGuest({
    image,
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  await folder[Symbol.asyncDispose]();
});
afterAll(async () => {
  await guest?.[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await darkroom?.[Symbol.asyncDispose]();
  darkroom = await createDarkroomHost();
});
afterAll(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

function diskOf(target: string): GuestDisk {
  const disk = guest.disks.find((each) => each.target === target);
  if (disk === undefined) throw new Error(`there is no ${target}`);
  return disk;
}

let written = 0;

/** As the guest would have, had it run meanwhile: into both disks, and into the bitmaps that record it. */
async function write(): Promise<void> {
  written += 1;
  for (const { format, path: file } of guest.disks) {
    const command = `write -q -P ${1 + (written % 255)} ${8 + (written % 40)}M 256k`;
    await runCommand('qemu-io', ['-f', format, '-c', command, file]);
  }
}

/** No bitmap in the disk but those that libvirt's checkpoints and the records of the store know. */
async function expectNoBitmapOfNobody(state: StoreState): Promise<void> {
  await expectNoJob(guest, state);
  const known = state.records.map(({ checkpoint }) => checkpoint);
  const ours = (await bitmapsOf(diskOf('vda'))).filter((name) => name.startsWith('darkroom-'));
  expect(
    ours.filter((name) => !known.includes(name)),
    'bitmaps without a snapshot',
  ).toEqual([]);
}

async function recordPoints(request: OperationRequest, choice: PointChoice): Promise<readonly DeathPoint[]> {
  const points = pointsOf(await recordRequest(darkroom, guest.uri, { request }), choice);
  expect(points.length).toBeGreaterThan(8);
  return points;
}

describe('kill -9 of a snapshot of a guest that is off', () => {
  let before: GuestRecord;
  let state: StoreState;

  it(
    'row 55: leaves disks, bitmaps and snapshots as they were, whatever call it dies in',
    async () => {
      before = await recordGuest(guest);
      for (const _each of [1, 2, 3]) {
        await takeSnapshots(darkroom, guest.name);
        await write();
      }
      const atMost = { ...JOURNAL, 'snapshots.claim': 1, 'draft.seal': 0, 'files.sync': 0 };
      const points = await recordPoints(request(), { before: ['diskTool.addBitmap'], atMost });
      const calls = points.map(({ call }) => call);
      expect(calls).toEqual(expect.arrayContaining(['diskTool.copyDirty', 'diskTool.removeBitmap']));
      state = await readStoreState(darkroom);
      let last: DeathPoint | null = null;
      for (const at of selectPoints(points)) {
        const died: DeathPoint | null = last;
        await labelled(died === null ? 'not killed yet' : `killed ${nameOf(died)}`, () =>
          recoverAndDie(darkroom, guest.uri, { request: request(), at }, () => expectRecovered(died)),
        );
        last = at;
      }
      await darkroom.json(['instance', 'list']);
      await expectRecovered(last);
      for (const snapshot of await takeSnapshots(darkroom, guest.name)) {
        expect(snapshot.method).toBe(snapshot.target === 'vda' ? 'bitmap' : 'compare');
        await expectSameContent(darkroom, snapshot, diskOf(snapshot.target));
      }
      await expectSound(darkroom, await expectKept(darkroom, state));
    },
    MATRIX_TIMEOUT_MS,
  );

  async function expectRecovered(died: DeathPoint | null): Promise<void> {
    await assertClean(before, darkroom);
    const now = await expectKept(darkroom, state);
    await expectNoBitmapOfNobody(now);
    const isPublished = died !== null && ['clean up', 'published'].includes(died.step);
    expect(now.records.length - state.records.length, 'new snapshots').toBe(isPublished ? 2 : 0);
    state = now;
    await write();
  }

  function request(): OperationRequest {
    return {
      ...{ kind: 'snapshot.create', volume: null, instance: guest.name, description: null, consistency: 'auto' },
      ...{ isFull: false, isCompressed: false, isEncrypted: false },
    };
  }
});

describe('kill -9 of a delete', () => {
  /** What each snapshot held when it was taken. */
  const contents = new Map<string, string>();
  let snapshots: readonly Snapshot[];

  it(
    'row 55, row 58: in the middle of a chain harms no other snapshot, before its recovery and after it',
    async () => {
      snapshots = await takeFour();
      const [first, gone, ...later] = snapshots;
      if (first === undefined || gone === undefined) throw new Error('there are four');
      const others = [first, ...later];
      const request = { kind: 'snapshot.delete', snapshot: gone.id } as const;
      const store = path.join(darkroom.store, 'snapshots');
      const saved = path.join(darkroom.folder, 'saved');
      await cp(store, saved, { recursive: true });
      const atMost = { ...JOURNAL, 'files.copy': 1, 'files.tryClone': 0, 'draft.seal': 0, 'draft.discard': 1 };
      const points = await recordPoints(request, { before: ['snapshots.remove'], atMost });
      expect(points.map(({ call }) => call)).toEqual(
        expect.arrayContaining(['diskTool.commit', 'draft.moveIn', 'snapshots.update', 'snapshots.remove']),
      );
      for (const at of selectPoints(points)) {
        await rm(store, { recursive: true });
        await cp(saved, store, { recursive: true });
        await requestAndDie(darkroom, guest.uri, { request, at });
        await labelled(`killed ${nameOf(at)}`, async () => {
          await expectContents(others);
          await darkroom.json(['instance', 'list']);
          await expectContents(others);
          const state = await readStoreState(darkroom);
          expect(state.records.map(({ id }) => id).sort()).toEqual(others.map(({ id }) => id).sort());
          await expectSound(darkroom, state);
        });
      }
      await write();
      const next = await takeSnapshot(darkroom, `${guest.name}/vda`);
      await expectSameContent(darkroom, next, diskOf('vda'));
    },
    MATRIX_TIMEOUT_MS,
  );

  async function takeFour(): Promise<readonly Snapshot[]> {
    const taken: Snapshot[] = [];
    for (const _each of [1, 2, 3, 4]) {
      await write();
      const snapshot = await takeSnapshot(darkroom, `${guest.name}/vda`);
      const raw = path.join(darkroom.folder, `${snapshot.id}.raw`);
      await exportRaw(darkroom, snapshot, raw);
      contents.set(snapshot.id, raw);
      taken.push(snapshot);
    }
    return taken;
  }

  async function expectContents(kept: readonly Snapshot[]): Promise<void> {
    for (const snapshot of kept) {
      const raw = contents.get(snapshot.id);
      if (raw === undefined) throw new Error(`what ${snapshot.id} held is not known`);
      await expectSameContent(darkroom, snapshot, { path: raw, format: 'raw' });
    }
  }
});

describe('kill -9 of a restore', () => {
  it(
    'row 55, row 60: leaves the old content or the new, whole, and every snapshot as it was',
    async () => {
      const before = await recordGuest(guest);
      const [snapshot] = await takeSnapshots(darkroom, guest.name);
      if (snapshot?.target !== 'vda') throw new Error('vda comes first');
      await write();
      await takeSnapshots(darkroom, guest.name);
      const request = { kind: 'snapshot.restore', snapshot: snapshot.id } as const;
      const restored = await hashContent(darkroom, snapshot);
      const points = await recordPoints(request, {
        before: ['files.rename'],
        atMost: {
          ...JOURNAL,
          'hypervisor.deleteCheckpoint': 1,
          'files.setOwnership': 0,
          'files.sync': 0,
          'files.remove': 1,
        },
      });
      expect(points.map(({ call }) => call)).toEqual(
        expect.arrayContaining(['files.tryLink', 'files.rename', 'hypervisor.redefineCheckpoint', 'snapshots.update']),
      );
      const state = await readStoreState(darkroom);
      const seen = new Set<string>();
      for (const at of selectPoints(points)) {
        await write();
        const old = await hashDisk(diskOf('vda'));
        await requestAndDie(darkroom, guest.uri, { request, at });
        await labelled(`killed ${nameOf(at)}`, async () => {
          const content = await hashDisk(diskOf('vda'));
          expect(content).toBeOneOf([old, restored]);
          await darkroom.json(['instance', 'list']);
          expect(await hashDisk(diskOf('vda')), 'after the recovery').toBe(content);
          seen.add(content === old ? 'old' : 'restored');
          await assertClean(before, darkroom);
          await expectNoBitmapOfNobody(await expectKept(darkroom, state));
        });
      }
      expect([...seen].sort()).toEqual(['old', 'restored']);
      await darkroom.json(['snapshot', 'restore', snapshot.id]);
      await write();
      const next = await takeSnapshot(darkroom, `${guest.name}/vda`);
      expect(next).toMatchObject({ parent: snapshot.id, method: 'bitmap' });
      await expectSameContent(darkroom, next, diskOf('vda'));
      await expectSound(darkroom, await expectKept(darkroom, state));
    },
    MATRIX_TIMEOUT_MS,
  );
});
