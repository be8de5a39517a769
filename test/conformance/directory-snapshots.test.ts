import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDirectorySnapshots } from '../../src/drivers/stores/directory/directory-snapshots.ts';
import { findGroup } from '../../src/drivers/stores/files/image-owner.ts';
import type { SnapshotStore } from '../../src/model/ports/snapshot-store.ts';
import { calmestMs } from '../support/calmest.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot, makeVolumeClaim } from '../support/snapshot-files.ts';
import { describeSnapshotStore } from './snapshot-store.ts';

function makeRoot(): string {
  return mkdtempSync(path.join(tmpdir(), 'dr-st-snapshots-'));
}

function openStore(location: string): SnapshotStore {
  return createDirectorySnapshots({ location, imageGroup: 'kvm' });
}

describeSnapshotStore('the snapshots in a directory', async () => {
  const root = makeRoot();
  const location = path.join(root, 'not', 'there', 'yet');
  const store = openStore(location);
  return {
    store,
    other: openStore(location),
    nextDoor: openStore(location),
    putRecord: async (key, content) => writeFileSync(store.filePath(key).replace('.qcow2', '.json'), content),
    loseFile: async (key) => rmSync(store.filePath(key)),
    dispose: async () => rmSync(root, { recursive: true, force: true }),
  };
});

describe('the snapshots on disk', () => {
  const snapshot = sampleSnapshot('a');
  const kvm = findGroup(readFileSync('/etc/group', 'utf8'), 'kvm');
  let root: string;
  let store: SnapshotStore;
  const folder = () => path.join(root, 'snapshots', SAMPLE_VOLUME);
  const inFolder = (name: string) => path.join(folder(), name);
  const names = () => readdirSync(folder()).sort();
  const access = (file: string) => {
    const { mode, uid, gid } = statSync(file);
    return `${(mode & 0o777).toString(8)} ${uid}:${gid}`;
  };

  beforeEach(() => {
    root = makeRoot();
    store = openStore(root);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it.each([0o000, 0o077])(
    'has the documented layout, owners and modes with umask %o, and no other names',
    async (mask) => {
      const before = process.umask(mask);
      const claim = makeVolumeClaim(SAMPLE_VOLUME);
      try {
        await store.claim(claim);
        await keepSnapshot(store, snapshot, { domainXml: '<domain/>' });
        await store.update(snapshot);
      } finally {
        process.umask(before);
      }
      const { id } = snapshot;
      expect(names()).toEqual([`${id}.json`, `${id}.qcow2`, `${id}.xml`, 'lock']);
      expect(access(path.join(root, 'snapshots'))).toBe('711 0:0');
      expect(access(folder())).toBe('711 0:0');
      expect(access(inFolder(`${id}.qcow2`))).toBe(`440 0:${kvm}`);
      expect(access(inFolder(`${id}.json`))).toBe(`440 0:${kvm}`);
      expect(access(inFolder(`${id}.xml`))).toBe('600 0:0');
      expect(access(inFolder('lock'))).toBe('600 0:0');
      expect(JSON.parse(readFileSync(inFolder('lock'), 'utf8'))).toMatchObject({ version: 1, ...claim });
      await store.releaseClaim(SAMPLE_VOLUME, claim.operationId);
      await store.remove(snapshot);
      expect(names()).toEqual([]);
    },
  );

  it('tells what a file takes in the blocks of the file system', async () => {
    await store.assertWritable(SAMPLE_VOLUME);
    const draft = store.draft(snapshot, 'tag');
    writeFileSync(draft.path, 'x'.repeat(5000));
    expect((await draft.seal()).storedBytes % 512).toBe(0);
  });

  it('makes its folders and leaves nothing in them when it is asked whether it can be written to', async () => {
    mkdirSync(path.join(root, 'snapshots'), { mode: 0o700 });
    await store.assertWritable(SAMPLE_VOLUME);
    expect(names()).toEqual([]);
    expect(access(path.join(root, 'snapshots'))).toBe('711 0:0');
  });

  it('ignores files that are no records and folders that are of no volume', async () => {
    await keepSnapshot(store, snapshot);
    for (const name of ['x.json', `.${snapshot.id}.json.0.partial`, `${snapshot.id}.json~`, 'lock', '.json']) {
      writeFileSync(inFolder(name), 'x');
    }
    for (const name of ['x', SAMPLE_VOLUME.replace('5', 'A')]) mkdirSync(path.join(root, 'snapshots', name));
    writeFileSync(path.join(root, 'snapshots', randomUUID()), '');
    expect(await store.list()).toEqual({ snapshots: [snapshot], broken: [] });
    expect(await store.read(snapshot.id)).toEqual(snapshot);
  });

  it('does not follow a link, wait for a pipe or read a folder or a huge file', async () => {
    await keepSnapshot(store, snapshot);
    const ids = ['b', 'c', 'd', 'e'].map((letter) => sampleSnapshot(letter).id);
    const [linked = '', piped = '', nested = '', huge = ''] = ids;
    writeFileSync(path.join(root, 'elsewhere'), JSON.stringify({ version: 1, ...sampleSnapshot('b') }));
    symlinkSync(path.join(root, 'elsewhere'), inFolder(`${linked}.json`));
    execFileSync('mkfifo', [inFolder(`${piped}.json`)]);
    mkdirSync(inFolder(`${nested}.json`));
    execFileSync('truncate', ['-s', '10G', inFolder(`${huge}.json`)]);
    const { snapshots, broken } = await store.list();
    expect(snapshots).toEqual([snapshot]);
    expect(broken.map(({ id, volume }) => ({ id, volume }))).toEqual(ids.map((id) => ({ id, volume: SAMPLE_VOLUME })));
    for (const bad of ids) await expectFailure(store.read(bad), 'SNAPSHOT_DAMAGED');
    expect(broken[0]?.reason).toBe('its record is a symbolic link');
    await store.remove({ id: linked, volume: SAMPLE_VOLUME });
    expect(readFileSync(path.join(root, 'elsewhere'), 'utf8')).toContain(linked);
  });

  it('gives no file that lies behind a link, but may itself lie behind one', async () => {
    await keepSnapshot(store, snapshot);
    const link = path.join(root, 'link');
    symlinkSync(root, link);
    expect(await openStore(link).resolveFile(snapshot)).toBe(openStore(link).filePath(snapshot));
    renameSync(folder(), path.join(root, 'elsewhere'));
    symlinkSync(path.join(root, 'elsewhere'), folder());
    await expectFailure(store.resolveFile(snapshot), 'SNAPSHOT_DAMAGED');
    expect(await store.list({ volume: SAMPLE_VOLUME })).toEqual({ snapshots: [], broken: [] });
    rmSync(folder());
    mkdirSync(folder());
    symlinkSync('/etc/passwd', store.filePath(snapshot));
    await expectFailure(store.resolveFile(snapshot), 'SNAPSHOT_DAMAGED');
    symlinkSync('/etc/passwd', inFolder(`${snapshot.id}.xml`));
    await expectFailure(store.readDomainXml(snapshot), 'SNAPSHOT_DAMAGED');
    symlinkSync('/etc/passwd', store.draft(snapshot, 'tag').path);
    await expectFailure(store.draft(snapshot, 'tag').seal(), 'STORE_WRITE_FAILED');
  });

  it('is found although somebody put a copy of its record into the folder of another volume', async () => {
    await keepSnapshot(store, snapshot);
    for (const volume of ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff']) {
      await store.assertWritable(volume);
      linkSync(inFolder(`${snapshot.id}.json`), path.join(root, 'snapshots', volume, `${snapshot.id}.json`));
    }
    expect(await store.read(snapshot.id)).toEqual(snapshot);
    expect((await store.list()).broken).toHaveLength(2);
  });

  it('is STORE_UNUSABLE where a file stands for the folder', async () => {
    writeFileSync(path.join(root, 'snapshots'), '');
    await expectFailure(store.list(), 'STORE_UNUSABLE');
    await expectFailure(store.list({ volume: SAMPLE_VOLUME }), 'STORE_UNUSABLE');
    await expectFailure(store.read(snapshot.id), 'STORE_UNUSABLE');
    await expectFailure(store.readClaim(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    await expectFailure(store.assertWritable(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    await expectFailure(store.claim(makeVolumeClaim(SAMPLE_VOLUME)), 'STORE_WRITE_FAILED');
    await expectFailure(store.publish(snapshot, null), 'STORE_WRITE_FAILED');
  });

  it('takes what writers of documents left away once it is old, and nothing that somebody may be writing', async () => {
    await store.assertWritable(SAMPLE_VOLUME);
    const left = ['json', 'xml'].map((kind) => `.${snapshot.id}.${kind}.0123456789ab.partial`);
    const old = [...left, '.lock.0123456789ab.partial'];
    const kept = ['.lock.ba9876543210.partial', `.${snapshot.id}.${randomUUID()}.partial`, 'notes.partial'];
    for (const name of [...old, ...kept]) writeFileSync(inFolder(name), '');
    for (const name of [...old, ...kept.slice(1)]) utimesSync(inFolder(name), new Date(0), new Date(0));
    await store.discardDrafts(SAMPLE_VOLUME, 'tag');
    expect(names()).toEqual([...kept].sort());
  });

  it('reads a thousand snapshots of a volume within half a second', async () => {
    await keepSnapshot(store, snapshot);
    for (let index = 0; index < 1000; index += 1) {
      const each = { ...snapshot, id: randomUUID() };
      writeFileSync(inFolder(`${each.id}.json`), JSON.stringify({ version: 1, ...each }));
    }
    await store.list();
    const read = async (): Promise<void> =>
      expect((await store.list({ volume: SAMPLE_VOLUME })).snapshots).toHaveLength(1001);
    expect(await calmestMs(500, read)).toBeLessThan(500);
  });
});

/** A small file system in memory, mounted for real. */
describe('the snapshots on a file system', () => {
  const snapshot = sampleSnapshot('a');
  const claim = makeVolumeClaim(SAMPLE_VOLUME);
  let root: string;
  let store: SnapshotStore;
  const names = () => readdirSync(path.join(root, 'snapshots', SAMPLE_VOLUME)).sort();

  beforeEach(async () => {
    root = makeRoot();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'dr-st-snapshots', root]);
    store = openStore(root);
    await keepSnapshot(store, snapshot, { domainXml: '<domain/>' });
    await store.claim(claim);
  });
  afterEach(() => {
    execFileSync('umount', [root]);
    rmSync(root, { recursive: true });
  });

  it('that is mounted read-only can be read, and every change fails and loses nothing', async () => {
    const draft = await fillDraft(store, sampleSnapshot('b'), 'b');
    execFileSync('mount', ['-o', 'remount,ro', root]);
    expect(await store.list()).toEqual({ snapshots: [snapshot], broken: [] });
    expect(await store.readClaim(SAMPLE_VOLUME)).toEqual(claim);
    const failure = await expectFailure(store.assertWritable(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    expect(failure.message).toContain('mounted read-only: mount it writable');
    await expectFailure(store.update({ ...snapshot, description: 'new' }), 'STORE_WRITE_FAILED');
    await expectFailure(store.remove(snapshot), 'STORE_WRITE_FAILED');
    await expectFailure(draft.seal(), 'STORE_WRITE_FAILED');
    await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
    await expectFailure(store.claim(makeVolumeClaim(randomUUID())), 'STORE_WRITE_FAILED');
    await expectFailure(store.releaseClaim(SAMPLE_VOLUME, claim.operationId), 'STORE_WRITE_FAILED');
    expect(await store.read(snapshot.id)).toEqual(snapshot);
    expect(await store.resolveFile(snapshot)).toBe(store.filePath(snapshot));
  });

  it('that is full takes nothing new, leaves no parts, and lets snapshots and claims go', async () => {
    const next = sampleSnapshot('b');
    const draft = await fillDraft(store, next, 'b');
    await draft.moveIn();
    try {
      writeFileSync(path.join(root, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
    } catch {
      // Full is what we want.
    }
    const before = names();
    await expectFailure(store.publish(next, null), 'NO_SPACE');
    await expectFailure(store.publish(next, '<domain/>'), 'NO_SPACE');
    await expectFailure(store.update({ ...snapshot, description: 'x'.repeat(9000) }), 'NO_SPACE');
    await expectFailure(store.assertWritable(SAMPLE_VOLUME), 'NO_SPACE');
    await expectFailure(store.claim(makeVolumeClaim(randomUUID())), 'NO_SPACE');
    expect(await store.list()).toEqual({ snapshots: [snapshot], broken: [] });
    expect(names()).toEqual(before);
    await store.remove(next);
    await store.remove(snapshot);
    await store.releaseClaim(SAMPLE_VOLUME, claim.operationId);
    expect(names()).toEqual([]);
  });
});
