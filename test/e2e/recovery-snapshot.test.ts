import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreateSnapshotRequest } from '../../src/model/snapshot/requests.ts';
import { assertClean, type GuestRecord, recordGuest } from './support/assert-clean.ts';
import { isFrozen } from './support/guest-agent.ts';
import type { GuestDisk } from './support/guest-disks.ts';
import { recordRequest, recoverAndDie } from './support/kill-harness.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import { type DeathPoint, labelled, nameOf, pointsOf, selectPoints } from './support/snapshot-points.ts';
import {
  bitmapsOf,
  expectKept,
  expectNoJob,
  expectSameContent,
  expectSound,
  readStoreState,
  type StoreState,
} from './support/snapshot-state.ts';
import { takeSnapshots } from './support/snapshots.ts';
import { domainState, shutDown } from './support/virsh.ts';

const MATRIX_TIMEOUT_MS = 600_000;
/** Of what is done once for each disk the first says it all. */
const CHOICE = {
  before: ['hypervisor.beginBackup', 'snapshots.publish'],
  atMost: {
    'journal.begin': 0,
    'journal.saveFacts': 0,
    'journal.finish': 0,
    'snapshots.claim': 1,
    'diskTool.create': 1,
    'files.reserve': 1,
    'files.releaseReserve': 1,
    'files.rename': 1,
    'diskTool.rebase': 2,
    'draft.seal': 0,
    'snapshots.update': 1,
    'snapshots.releaseClaim': 1,
  },
};

describe('kill -9 of a snapshot of a guest that runs', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'raw', sizeMiB: 64 },
    ],
  });
  let darkroom: DarkroomHost;
  let before: GuestRecord;
  let state: StoreState;
  let round = 0;
  const files = new Map<string, string>();

  beforeAll(async () => {
    darkroom = await createDarkroomHost();
    before = await recordGuest(guest());
    // from the third on one has a checkpoint that is of no use any more
    for (const _each of [1, 2]) await takeSnapshots(darkroom, guest().name);
    state = await readStoreState(darkroom);
  });
  afterAll(async () => {
    await darkroom?.[Symbol.asyncDispose]();
  });

  it(
    'row 55, row 57: leaves guest, disks, checkpoints and snapshots as they were, whatever call it dies in',
    async () => {
      const facts = await recordRequest(darkroom, guest().uri, { request: request('auto') });
      expect(facts.map(({ call }) => call)).toContain('hypervisor.deleteCheckpoint');
      state = await readStoreState(darkroom);
      await dieAt(pointsOf(facts, CHOICE), 'auto');
    },
    MATRIX_TIMEOUT_MS,
  );

  it('row 55: does so where the guest is paused for the instant', async () => {
    const at = { nth: 1, afterMs: 4, step: 'pausing' };
    await dieAt(
      [
        { ...at, call: 'hypervisor.suspendDomain', when: 'during' },
        { ...at, call: 'hypervisor.suspendDomain', when: 'after' },
        { ...at, call: 'hypervisor.beginBackup', when: 'during' },
        { ...at, call: 'hypervisor.beginBackup', when: 'after' },
      ],
      'paused',
    );
  });

  it('holds what the disks hold, by all the increments that were made between deaths', async () => {
    await takeSnapshots(darkroom, guest().name);
    await shutDown(guest());
    const last = await takeSnapshots(darkroom, guest().name);
    expect(last.map(({ method }) => method)).toEqual(['bitmap', 'compare']);
    for (const snapshot of last) {
      await expectSameContent(darkroom, snapshot, diskOf(snapshot.target));
    }
    const now = await expectKept(darkroom, state);
    await expectSound(darkroom, now);
    const checkpoints = now.records.map(({ checkpoint }) => checkpoint);
    expect(checkpoints).toEqual(expect.arrayContaining([...(await bitmapsOf(diskOf('vda')))]));
    await guest().boot();
    expect(files.size).toBeGreaterThan(20);
    for (const [file, content] of files) expect(await guest().readFile(file), file).toBe(content);
    expect(await guest().run('dmesg | grep -ciE "I/O error|EXT4-fs error" || true')).toBe('0\n');
  });

  function diskOf(target: string): GuestDisk {
    const disk = guest().disks.find((each) => each.target === target);
    if (disk === undefined) throw new Error(`there is no ${target}`);
    return disk;
  }

  /** Each process looks after what the one before left, and then dies of its own. */
  async function dieAt(
    points: readonly DeathPoint[],
    consistency: CreateSnapshotRequest['consistency'],
  ): Promise<void> {
    let last: DeathPoint | null = null;
    for (const at of selectPoints(points)) {
      const died: DeathPoint | null = last;
      const job = { request: request(consistency), at };
      await labelled(died === null ? 'not killed yet' : `killed ${nameOf(died)}`, () =>
        recoverAndDie(darkroom, guest().uri, job, () => expectRecovered(died)),
      );
      last = at;
      await writeMeanwhile();
    }
    await darkroom.json(['instance', 'list']);
    await expectRecovered(last);
  }

  async function expectRecovered(died: DeathPoint | null): Promise<void> {
    await assertClean(before, darkroom);
    const now = await expectKept(darkroom, state);
    await expectNoJob(guest(), now);
    const isPublished = died !== null && ['clean up', 'published'].includes(died.step);
    expect(now.records.length - state.records.length, 'new snapshots').toBe(isPublished ? 2 : 0);
    state = now;
  }

  /** Into both disks, as a guest does that knows nothing of all this; one that is frozen or paused cannot. */
  async function writeMeanwhile(): Promise<void> {
    if ((await domainState(guest())) !== 'running' || (await isFrozen(guest()))) return;
    const content = `round ${round++}\n`;
    for (const folder of ['/root', '/mnt/vdb']) {
      const file = `${folder}/${content.trim().replace(' ', '-')}`;
      await guest().writeFile(file, content);
      files.set(file, content);
    }
  }

  function request(consistency: CreateSnapshotRequest['consistency']): CreateSnapshotRequest {
    return {
      ...{ kind: 'snapshot.create', volume: null, instance: guest().name, description: null, consistency },
      ...{ isFull: false, isCompressed: false, isEncrypted: false },
    };
  }
});
