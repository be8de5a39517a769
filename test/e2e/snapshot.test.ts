import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { snapshotDeletionSchema } from '../../src/api/schemas/snapshots.ts';
import type { Snapshot } from '../../src/model/snapshot/snapshot.ts';
import { assertClean, recordGuest } from './support/assert-clean.ts';
import { waitForAgent } from './support/guest-agent.ts';
import { parseImage } from './support/images.ts';
import { launchInstance } from './support/launched-instance.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import { useSharedGuest } from './support/shared-guest.ts';
import {
  allocatedBytes,
  hashContent,
  hashDisk,
  hashFile,
  listSnapshots,
  readFileInSnapshot,
  snapshotFile,
  storedBytes,
  takeSnapshot,
  takeSnapshots,
} from './support/snapshots.ts';
import type { Guest } from './support/tiny-guest.ts';
import { defineDomain, killQemu, onDomain, shutDown } from './support/virsh.ts';

const MIB = 1024 ** 2;

let darkroom: DarkroomHost;

beforeEach(async () => {
  darkroom = await createDarkroomHost();
});

afterEach(async () => {
  await darkroom?.[Symbol.asyncDispose]();
});

/** Data that no file system and no qcow2 makes smaller. */
async function writeRandom(guest: Guest, file: string, sizeMiB: number): Promise<void> {
  await guest.run(`dd if=/dev/urandom of=${file} bs=1M count=${sizeMiB} 2>/dev/null; sync`);
}

async function deleteSnapshot(snapshot: Snapshot): Promise<number> {
  const planned = snapshotDeletionSchema.parse(await darkroom.json(['snapshot', 'delete', snapshot.id, '--dry-run']));
  const before = await storedBytes(darkroom);
  await darkroom.json(['snapshot', 'delete', snapshot.id]);
  const freed = before - (await storedBytes(darkroom));
  expect(planned.freedBytes, 'what the dry run said').toBe(freed);
  return freed;
}

describe('snapshots of a guest that runs', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'qcow2', sizeMiB: 256 },
      { target: 'vdc', format: 'raw', sizeMiB: 64 },
    ],
  });
  const data = (): string => `${guest().name}/vdb`;

  it('row 57: the first is full, each later one holds what changed, and its cost follows the change', async () => {
    const before = await recordGuest(guest());
    await writeRandom(guest(), '/mnt/vdb/base', 64);
    const first = await takeSnapshot(darkroom, data());
    expect(first).toMatchObject({ method: 'full', parent: null, reason: null, logicalBytes: 256 * MIB });
    expect(first.consistency.achieved).toBe('quiesced');
    expect(first.storedBytes).toBeGreaterThan(64 * MIB);
    await writeRandom(guest(), '/mnt/vdb/change', 8);
    const second = await takeSnapshot(darkroom, data());
    expect(second).toMatchObject({ method: 'bitmap', parent: first.id, reason: null });
    expect(second.storedBytes).toBeGreaterThan(8 * MIB);
    expect(second.storedBytes).toBeLessThan(1.2 * 8 * MIB);
    const third = await takeSnapshot(darkroom, data());
    expect(third).toMatchObject({ method: 'bitmap', parent: second.id, chainLength: 3 });
    expect(third.storedBytes).toBeLessThan(MIB);
    expect(third.storedBytes).toBe(await allocatedBytes(snapshotFile(darkroom, third)));
    await assertClean(before, darkroom);
  });

  it('rows 58 and 59: any of them goes, the others hold what they held, and the dry run said what that frees', async () => {
    const snapshots: Snapshot[] = [];
    for (const round of [1, 2, 3, 4]) {
      await writeRandom(guest(), `/mnt/vdb/round-${round % 3}`, 4);
      snapshots.push(await takeSnapshot(darkroom, data()));
    }
    const contents = new Map<string, string>();
    for (const snapshot of snapshots) contents.set(snapshot.id, await hashContent(darkroom, snapshot));
    expect(new Set(contents.values()).size).toBe(4);
    const [first, second, third, fourth] = snapshots;
    for (const gone of [second, first, fourth, third]) {
      if (gone === undefined) throw new Error('there are four');
      expect(await deleteSnapshot(gone)).toBeGreaterThanOrEqual(0);
      for (const left of await listSnapshots(darkroom)) {
        expect(await hashContent(darkroom, left), left.id).toBe(contents.get(left.id));
      }
    }
    expect(await storedBytes(darkroom)).toBe(0);
    expect(await takeSnapshot(darkroom, data())).toMatchObject({ method: 'full' });
  });

  it('row 64: of several volumes there is one instant', async () => {
    const loop =
      'n=0; while [ ! -e /tmp/stop ]; do n=$((n+1)); echo $n >/mnt/vdb/n; sync; echo $n >/mnt/vdc/n; sync; done';
    await guest().run(`rm -f /tmp/stop; (${loop}) >/dev/null 2>&1 &`);
    try {
      for (const _round of [1, 2, 3]) {
        const all = await takeSnapshots(darkroom, guest().name);
        expect(all.map(({ target }) => target).sort()).toEqual(['vda', 'vdb', 'vdc']);
        expect(new Set(all.map(({ setId }) => setId)).size).toBe(1);
        const [left, right] = await Promise.all(['vdb', 'vdc'].map((target) => readCounter(all, target)));
        expect((left ?? 0) - (right ?? 0), `${left} and ${right}`).toBeOneOf([0, 1]);
      }
    } finally {
      await guest().run('touch /tmp/stop');
    }
    const raw = (await listSnapshots(darkroom)).filter(({ target }) => target === 'vdc');
    expect(raw.map(({ method }) => method)).toEqual(['full', 'compare', 'compare']);
    expect(raw.at(-1)?.reason).toBe('a raw disk holds no bitmap');
    expect(raw.at(-1)?.storedBytes).toBeLessThan(2 * MIB);
  });

  async function readCounter(all: readonly Snapshot[], target: string): Promise<number> {
    const snapshot = all.find((each) => each.target === target);
    if (snapshot === undefined) throw new Error(`nothing of ${target}`);
    return Number(await readFileInSnapshot(darkroom, snapshot, '/n'));
  }

  it('row 61: an image made from one of a root volume is launched, and holds what it held', async () => {
    await guest().run('echo before >/root/story; sync');
    const snapshot = await takeSnapshot(darkroom, `${guest().name}/vda`);
    await guest().run('echo after >/root/story; sync');
    await takeSnapshot(darkroom, `${guest().name}/vda`);
    const image = parseImage(
      await darkroom.json(['image', 'create', '--from-snapshot', snapshot.id, '--name', 'from-snapshot']),
    );
    expect(image.disks).toHaveLength(1);
    await using launched = await launchInstance(darkroom, image.id);
    await launched.waitForAgent();
    expect(await launched.readFile('/root/story')).toBe('before\n');
  });

  it('goes on as increments after the guest was started anew, and beside captures of it', async () => {
    await takeSnapshot(darkroom, data());
    await writeRandom(guest(), '/mnt/vdb/more', 2);
    await darkroom.json(['image', 'create', guest().name, '--name', 'beside']);
    await writeRandom(guest(), '/mnt/vdb/and-more', 2);
    await shutDown(guest());
    const offline = await takeSnapshot(darkroom, data());
    expect(offline).toMatchObject({ method: 'bitmap', consistency: { achieved: 'offline' } });
    expect(await hashContent(darkroom, offline)).toBe(await hashDisk(diskOf(guest(), 'vdb')));
    await guest().boot();
    await writeRandom(guest(), '/mnt/vdb/most', 2);
    const live = await takeSnapshot(darkroom, data());
    expect(live).toMatchObject({ method: 'bitmap', parent: offline.id });
    expect(live.storedBytes).toBeLessThan(8 * MIB);
  });
});

function diskOf(guest: Guest, target: string): { readonly path: string; readonly format: string } {
  const disk = guest.disks.find((each) => each.target === target);
  if (disk === undefined) throw new Error(`there is no ${target}`);
  return disk;
}

describe('snapshots of a guest that has accidents', () => {
  const guest = useSharedGuest({
    disks: [
      { target: 'vda', format: 'qcow2' },
      { target: 'vdb', format: 'qcow2', sizeMiB: 64 },
    ],
  });
  const data = (): string => `${guest().name}/vdb`;

  it('row 62: a QEMU that was killed leaves broken bitmaps; the next is right by comparing, and says why', async () => {
    const first = await takeSnapshot(darkroom, data());
    await writeRandom(guest(), '/mnt/vdb/lost-bitmap', 4);
    await killQemu(guest());
    const offline = await takeSnapshot(darkroom, data());
    expect(offline).toMatchObject({ method: 'compare', parent: first.id, reason: expect.stringMatching(/bitmap/) });
    expect(await hashContent(darkroom, offline)).toBe(await hashDisk(diskOf(guest(), 'vdb')));
    expect(offline.storedBytes).toBeLessThan(8 * MIB);
    await guest().boot();
    await writeRandom(guest(), '/mnt/vdb/again', 2);
    await killQemu(guest());
    await guest().boot();
    const live = await takeSnapshot(darkroom, data());
    expect(live).toMatchObject({ method: 'compare', parent: offline.id, reason: expect.stringMatching(/bitmap/) });
    await writeRandom(guest(), '/mnt/vdb/and-again', 2);
    expect(await takeSnapshot(darkroom, data())).toMatchObject({ method: 'bitmap', parent: live.id });
  });

  it('row 62: a domain that was undefined and defined again has forgotten its checkpoints, not its bitmaps', async () => {
    const first = await takeSnapshot(darkroom, data());
    await writeRandom(guest(), '/mnt/vdb/undefined', 2);
    await shutDown(guest());
    const xml = await onDomain(guest(), 'dumpxml', ['--inactive', '--security-info']);
    await onDomain(guest(), 'undefine', ['--checkpoints-metadata']);
    await defineDomain(guest().uri, xml);
    await guest().boot();
    const second = await takeSnapshot(darkroom, data());
    expect(second).toMatchObject({ method: 'bitmap', parent: first.id });
    expect(await onDomain(guest(), 'checkpoint-list', ['--name'])).toMatch(/darkroom-/);
  });

  it('touches no checkpoint of others, and cleans up its own', async () => {
    await onDomain(guest(), 'checkpoint-create-as', ['--name', 'theirs']);
    for (const _round of [1, 2, 3, 4]) await takeSnapshot(darkroom, data());
    const names = (await onDomain(guest(), 'checkpoint-list', ['--name'])).trim().split(/\s+/);
    expect(names).toContain('theirs');
    expect(names.filter((name) => name.startsWith('darkroom-')).length).toBeLessThanOrEqual(2);
    await onDomain(guest(), 'checkpoint-delete', ['theirs']);
  });

  it('row 60: restores into its volume while the instance is off, and into a new one, byte for byte', async () => {
    await guest().run('echo one >/mnt/vdb/story; sync');
    await shutDown(guest());
    const old = await hashDisk(diskOf(guest(), 'vdb'));
    const snapshot = await takeSnapshot(darkroom, data());
    await guest().boot();
    expect((await darkroom.run(['snapshot', 'restore', snapshot.id])).exitCode).toBe(4);
    await guest().run('echo two >/mnt/vdb/story; sync');
    const later = await takeSnapshot(darkroom, data());
    await shutDown(guest());
    const before = await recordGuest(guest());
    await darkroom.json(['snapshot', 'restore', snapshot.id]);
    expect(await hashDisk(diskOf(guest(), 'vdb'))).toBe(old);
    await assertClean(before, darkroom);
    const made = z
      .object({ path: z.string(), virtualSizeBytes: z.literal(64 * MIB) })
      .parse(await darkroom.json(['volume', 'create', '--from-snapshot', later.id, '--format', 'raw']));
    expect(await hashFile(made.path)).toBe(await hashContent(darkroom, later));
    await rm(made.path);
    await guest().boot();
    expect(await guest().readFile('/mnt/vdb/story')).toBe('one\n');
    await guest().run('echo three >/mnt/vdb/story; sync');
    const next = await takeSnapshot(darkroom, data());
    expect(next).toMatchObject({ parent: snapshot.id, method: 'bitmap' });
    expect(await readFileInSnapshot(darkroom, next, '/story')).toBe('three\n');
  });

  it('row 63: they survive a shelve, and go on as increments', async () => {
    const first = await takeSnapshot(darkroom, data());
    await guest().run('echo shelved >/mnt/vdb/story; sync');
    await darkroom.json(['instance', 'shelve', guest().name]);
    expect((await listSnapshots(darkroom)).map(({ id }) => id)).toEqual([first.id]);
    await darkroom.json(['instance', 'unshelve', guest().name]);
    await waitForAgent(guest());
    await guest().run('echo back >/mnt/vdb/story; sync');
    const second = await takeSnapshot(darkroom, data());
    expect(second).toMatchObject({ method: 'bitmap', parent: first.id, volume: first.volume });
    expect(await readFileInSnapshot(darkroom, second, '/story')).toBe('back\n');
  });
});
