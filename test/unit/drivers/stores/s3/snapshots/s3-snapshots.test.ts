import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMirror } from '../../../../../../src/drivers/stores/s3/mirror/create-mirror.ts';
import type { Mirror } from '../../../../../../src/drivers/stores/s3/mirror.ts';
import { createS3Snapshots } from '../../../../../../src/drivers/stores/s3/snapshots/s3-snapshots.ts';
import { DarkroomError, type ErrorCode } from '../../../../../../src/model/errors.ts';
import type { SnapshotStore } from '../../../../../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../../../../src/model/snapshot/snapshot.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import { createFakeBucket, type FakeBucket } from '../../../../../support/fake-bucket.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../../../../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot } from '../../../../../support/snapshot-files.ts';

const HOST = 'host-1';

describe('snapshots in a bucket', () => {
  const snapshot = sampleSnapshot('a');
  const keyOf = ({ id }: { readonly id: string }, suffix: string) => `snapshots/${SAMPLE_VOLUME}/${id}${suffix}`;
  let root: string;
  let bucket: FakeBucket;
  let mirror: Mirror;
  let store: SnapshotStore;

  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'dr-s3-snapshots-'));
    bucket = createFakeBucket();
    mirror = createMirror(bucket, { rootPath: path.join(root, 'here'), limitBytes: 1024 ** 3, imageGroup: '0' });
    store = openStore();
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function openStore(changed: { readonly bucket?: Partial<FakeBucket>; readonly mirror?: Partial<Mirror> } = {}) {
    return createS3Snapshots({
      bucket: { ...bucket, ...changed.bucket },
      mirror: { ...mirror, ...changed.mirror },
      hostName: HOST,
      imageGroup: '0',
    });
  }

  function openElsewhere(): SnapshotStore {
    const theirs = createMirror(bucket, { rootPath: path.join(root, 'there'), limitBytes: 1024 ** 3, imageGroup: '0' });
    return createS3Snapshots({ bucket, mirror: theirs, hostName: 'host-2', imageGroup: '0' });
  }

  const failing =
    (code: ErrorCode = 'STORE_WRITE_FAILED') =>
    () =>
      Promise.reject(new DarkroomError(code, 'no answer'));

  /** Fails where that is called for an object with such a name. */
  function failingAt(call: 'put' | 'remove' | 'head', suffix: string): Partial<FakeBucket> {
    const refuse = (key: string) => {
      if (key.endsWith(suffix)) throw new DarkroomError('STORE_WRITE_FAILED', 'no answer');
    };
    if (call === 'put') {
      return {
        put: async (...request) => {
          refuse(request[0]);
          return await bucket.put(...request);
        },
      };
    }
    if (call === 'head') {
      return {
        head: async (key) => {
          refuse(key);
          return await bucket.head(key);
        },
      };
    }
    return {
      remove: async (keys) => {
        keys.forEach(refuse);
        await bucket.remove(keys);
      },
    };
  }

  describe('in a list', () => {
    const gets = () => bucket.calls.filter((call) => call.startsWith('get ')).length;
    const lists = () => bucket.calls.filter((call) => call.startsWith('list ')).length;

    it('are read again only when their records were changed', async () => {
      const others = [sampleSnapshot('b'), sampleSnapshot('c')];
      for (const each of [snapshot, ...others]) await keepSnapshot(store, each);
      await store.list();
      const before = gets();
      expect((await store.list()).snapshots).toHaveLength(3);
      expect(gets()).toBe(before);
      await openElsewhere().update({ ...snapshot, description: 'new' });
      const changed = gets();
      expect((await store.list({ volume: SAMPLE_VOLUME })).snapshots[0]?.description).toBe('new');
      expect(gets()).toBe(changed + 1);
    });

    it('are found by their ids with one look once they were seen', async () => {
      await keepSnapshot(store, snapshot);
      await store.read(snapshot.id);
      const [gotten, listed] = [gets(), lists()];
      await openElsewhere().update({ ...snapshot, description: 'new' });
      const after = gets();
      expect((await store.read(snapshot.id)).description).toBe('new');
      expect([after - gotten, gets() - after, lists() - listed]).toEqual([1, 1, 0]);
      await openElsewhere().remove(snapshot);
      await expectFailure(store.read(snapshot.id), 'SNAPSHOT_NOT_FOUND');
    });

    it('are found although somebody put a copy of a record among those of another volume', async () => {
      await keepSnapshot(store, snapshot);
      const record = bucket.objects.get(keyOf(snapshot, '.json'))?.content ?? '';
      for (const volume of ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff']) {
        await bucket.put(`snapshots/${volume}/${snapshot.id}.json`, record);
      }
      // the sound one comes last
      bucket.objects.delete(keyOf(snapshot, '.json'));
      await bucket.put(keyOf(snapshot, '.json'), record);
      expect(await store.read(snapshot.id)).toEqual(snapshot);
      expect((await store.list()).broken).toHaveLength(2);
    });

    it('are not taken for broken where the store does not answer', async () => {
      await keepSnapshot(store, snapshot);
      const silent = openStore({ bucket: { get: failing('STORE_UNUSABLE'), head: failing('STORE_UNUSABLE') } });
      await expectFailure(silent.list(), 'STORE_UNUSABLE');
      await expectFailure(silent.read(snapshot.id), 'STORE_UNUSABLE');
    });

    it('ignore objects that are no records', async () => {
      await keepSnapshot(store, snapshot);
      const names = ['x.json', `${snapshot.id}.json~`, `x/${snapshot.id}.json`, '.json'];
      for (const name of names) await bucket.put(`snapshots/${SAMPLE_VOLUME}/${name}`, 'x');
      for (const name of [`x/${snapshot.id}.json`, `${snapshot.id}.json`]) await bucket.put(`snapshots/${name}`, 'x');
      expect(await store.list()).toEqual({ snapshots: [snapshot], broken: [] });
    });
  });

  describe('that are published', () => {
    const write = async (target: SnapshotStore) => {
      await (await fillDraft(store, snapshot, 'content')).moveIn();
      await target.publish(snapshot, '<domain/>');
    };

    it.each([
      ['the definition', failingAt('put', '.xml')],
      ['the record', failingAt('put', '.json')],
    ])('are none where %s cannot be written, and can be published again', async (_, fault) => {
      await expectFailure(write(openStore({ bucket: fault })), 'STORE_WRITE_FAILED');
      expect(await store.list()).toEqual({ snapshots: [], broken: [] });
      await write(store);
      expect(await store.readDomainXml(snapshot)).toBe('<domain/>');
      expect((await store.list()).snapshots).toEqual([snapshot]);
    });

    it('have no definition of an attempt that died', async () => {
      await expectFailure(write(openStore({ bucket: failingAt('put', '.json') })), 'STORE_WRITE_FAILED');
      await store.publish(snapshot, null);
      expect(await store.readDomainXml(snapshot)).toBeNull();
    });

    it('write the definition first and the record last', async () => {
      await write(store);
      expect(bucket.calls.filter((call) => call.startsWith('put '))).toEqual([
        `put ${keyOf(snapshot, '.xml')}`,
        `put ${keyOf(snapshot, '.json')}`,
      ]);
    });

    it('do not replace one that somebody publishes in the same moment', async () => {
      const theirs = { ...snapshot, description: 'theirs' };
      const late = openStore({
        bucket: {
          put: async (...request) => {
            if (request[0].endsWith('.json')) await store.publish(theirs, null);
            return await bucket.put(...request);
          },
        },
      });
      await expectFailure(write(late), 'SNAPSHOT_STATE');
      expect(await store.read(snapshot.id)).toEqual(theirs);
    });
  });

  describe('that are changed', () => {
    beforeEach(async () => await keepSnapshot(store, snapshot));

    it('do not come back when they are removed in the same moment', async () => {
      const late = openStore({
        bucket: {
          put: async (...request) => {
            await store.remove(snapshot);
            return await bucket.put(...request);
          },
        },
      });
      await expectFailure(late.update({ ...snapshot, description: 'new' }), 'SNAPSHOT_NOT_FOUND');
      expect((await store.list()).snapshots).toEqual([]);
    });

    it('are changed over what somebody else wrote in the same moment', async () => {
      let isFirst = true;
      const late = openStore({
        bucket: {
          put: async (...request) => {
            if (isFirst) await store.update({ ...snapshot, description: 'theirs' });
            isFirst = false;
            return await bucket.put(...request);
          },
        },
      });
      await late.update({ ...snapshot, description: 'ours' });
      expect((await store.read(snapshot.id)).description).toBe('ours');
    });

    it('stay as they were where nothing can be written', async () => {
      const full = openStore({ bucket: { put: failing('NO_SPACE') } });
      await expectFailure(full.update({ ...snapshot, description: 'new' }), 'NO_SPACE');
      expect(await store.read(snapshot.id)).toEqual(snapshot);
    });
  });

  describe('that are removed', () => {
    beforeEach(async () => await keepSnapshot(store, snapshot, { domainXml: '<domain/>' }));

    it('are still there, with all their files, where the record cannot be removed', async () => {
      await expectFailure(openStore({ bucket: failingAt('remove', '.json') }).remove(snapshot), 'STORE_WRITE_FAILED');
      expect(await store.read(snapshot.id)).toEqual(snapshot);
      expect(await store.readDomainXml(snapshot)).toBe('<domain/>');
      expect(existsSync(await openElsewhere().resolveFile(snapshot))).toBe(true);
    });

    it('are none where the rest cannot be removed, and can be removed again', async () => {
      await expectFailure(openStore({ bucket: failingAt('remove', '.qcow2') }).remove(snapshot), 'STORE_WRITE_FAILED');
      expect((await store.list()).snapshots).toEqual([]);
      await store.remove(snapshot);
      expect([...bucket.objects.keys()]).toEqual([]);
    });
  });

  describe('whose files are in the making', () => {
    const content = async (from: SnapshotStore) => readFileSync(await from.resolveFile(snapshot), 'utf8');

    it('bill what an object bills: the length, holes included', async () => {
      const draft = store.draft(snapshot, 'tag');
      execFileSync('truncate', ['-s', '1M', draft.path]);
      expect(await draft.seal()).toEqual({ sizeBytes: 1024 ** 2, storedBytes: 1024 ** 2 });
    });

    it('keep the file of before, everywhere, where the new one cannot be uploaded', async () => {
      await keepSnapshot(store, snapshot, { content: 'old' });
      const broken = openStore({ bucket: { upload: failing() } });
      const draft = await fillDraft(broken, snapshot, 'new');
      await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
      expect(existsSync(draft.path)).toBe(true);
      expect([await content(store), await content(openElsewhere())]).toEqual(['old', 'old']);
      await draft.discard();
      expect(existsSync(draft.path)).toBe(false);
    });

    it.each(['rename', 'note'])(
      'are the new ones, everywhere, once they were uploaded, whatever fails after it: %s',
      async (step) => {
        await keepSnapshot(store, snapshot, { content: 'old' });
        const draft = await fillDraft(openStore({ mirror: { record: failing() } }), snapshot, 'new');
        if (step === 'rename') {
          rmSync(store.filePath(snapshot));
          mkdirSync(store.filePath(snapshot));
        }
        await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
        if (step === 'rename') rmSync(store.filePath(snapshot), { recursive: true });
        expect([await content(store), await content(openElsewhere())]).toEqual(['new', 'new']);
        await draft.moveIn().catch(() => undefined);
        expect(await content(store)).toBe('new');
      },
    );

    it('can be moved in again by whoever could not tell any more', async () => {
      const draft = await fillDraft(store, snapshot, 'new');
      await draft.moveIn();
      const uploads = bucket.calls.filter((call) => call.startsWith('upload ')).length;
      await draft.moveIn();
      expect(bucket.calls.filter((call) => call.startsWith('upload '))).toHaveLength(uploads);
    });

    it('take what was uploaded of them with them, and nothing of another snapshot', async () => {
      const begun = async (each: SnapshotRecord) => {
        const upload = { key: keyOf(each, '.qcow2'), uploadId: randomUUID(), startedAt: '2026-11-01T00:00:00.000Z' };
        bucket.uploads.add(upload);
        throw new DarkroomError('CANCELLED', 'cancelled');
      };
      const other = sampleSnapshot('b');
      await expectFailure(begun(other), 'CANCELLED');
      const cut = openStore({ bucket: { upload: () => begun(snapshot) } });
      const draft = await fillDraft(cut, snapshot, 'new');
      await expectFailure(draft.moveIn(), 'CANCELLED');
      await draft.discard();
      expect([...bucket.uploads].map(({ key }) => key)).toEqual([keyOf(other, '.qcow2')]);
      const again = cut.draft(snapshot, 'tag');
      writeFileSync(again.path, 'new');
      await expectFailure(again.moveIn(), 'CANCELLED');
      await store.discardDrafts(SAMPLE_VOLUME, 'tag');
      expect([...bucket.uploads].map(({ key }) => key)).toEqual([keyOf(other, '.qcow2')]);
      expect(existsSync(again.path)).toBe(false);
    });

    it('are discarded also where the store does not answer', async () => {
      const silent = openStore({ bucket: { upload: failing(), abortUploads: failing() } });
      const draft = silent.draft(snapshot, 'tag');
      writeFileSync(draft.path, 'new');
      await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
      await draft.discard();
      writeFileSync(draft.path, 'new');
      await silent.discardDrafts(SAMPLE_VOLUME, 'tag');
      expect(existsSync(draft.path)).toBe(false);
    });

    it('have a folder also when the last copy in it has just gone', async () => {
      await keepSnapshot(store, snapshot);
      await store.remove(snapshot);
      expect(existsSync(path.dirname(store.filePath(snapshot)))).toBe(false);
      expect(await (await fillDraft(store, snapshot, 'new')).moveIn()).toBeUndefined();
    });
  });

  describe('that stand on each other', () => {
    const [base, middle, top] = [sampleSnapshot('a'), sampleSnapshot('b'), sampleSnapshot('c')];
    const put = async (each: SnapshotRecord, parent: SnapshotRecord | null) => {
      await keepSnapshot(store, each, { content: disk(each.id, parent?.id) });
    };
    const fetched = () => bucket.calls.filter((call) => call.startsWith('download ')).map((call) => call.slice(9));

    beforeEach(async () => {
      await put(base, null);
      await put(middle, base);
      await put(top, middle);
    });

    it('are brought here with all of the chain, once', async () => {
      const there = openElsewhere();
      const bytes: number[] = [];
      await there.resolveFile(top, { onBytes: (total) => bytes.push(total) });
      expect(fetched()).toEqual([top, middle, base].map((each) => keyOf(each, '.qcow2')));
      for (const each of [top, middle, base]) expect(existsSync(there.filePath(each))).toBe(true);
      const lengths = [top, middle, base].map((each) => bucket.objects.get(keyOf(each, '.qcow2'))?.content.length ?? 0);
      expect(bytes.at(-1)).toBe(lengths.reduce((sum, length) => sum + length, 0));
      await there.resolveFile(top);
      expect(fetched()).toHaveLength(3);
    });

    it('are looked at anew where one was merged away in the middle of it', async () => {
      const there = openElsewhere();
      const mergingMiddleAway: Partial<FakeBucket> = {
        head: async (key) => {
          if (key === keyOf(middle, '.qcow2') && bucket.objects.has(key)) {
            await (await fillDraft(store, top, disk('new', base.id))).moveIn();
            await store.remove(middle);
          }
          return await bucket.head(key);
        },
      };
      const changing = { ...bucket, ...mergingMiddleAway };
      const theirs = createMirror(changing, { rootPath: path.join(root, 'x'), limitBytes: 1024 ** 3, imageGroup: '0' });
      const file = await createS3Snapshots({
        bucket: changing,
        mirror: theirs,
        hostName: 'host-2',
        imageGroup: '0',
      }).resolveFile(top);
      expect(readFileSync(file, 'utf8')).toContain('new');
      await expectFailure(there.resolveFile(middle), 'SNAPSHOT_DAMAGED');
    });

    it('are damaged where one is missing, or stands on itself', async () => {
      await (await fillDraft(store, base, disk('', top.id))).moveIn();
      expect((await expectFailure(openElsewhere().resolveFile(top), 'SNAPSHOT_DAMAGED')).message).toContain('itself');
      bucket.objects.delete(keyOf(middle, '.qcow2'));
      const failure = await expectFailure(openElsewhere().resolveFile(top), 'SNAPSHOT_DAMAGED');
      expect(failure.message).toContain(`the file of ${middle.id}, which it stands on, is missing`);
    });

    it('are brought here although a record between them is broken', async () => {
      await bucket.put(keyOf(middle, '.json'), 'broken');
      const there = openElsewhere();
      await there.resolveFile(top);
      expect(existsSync(there.filePath(base))).toBe(true);
    });

    describe('and that a thin volume stands on', () => {
      const user = (host: string) => ({ host, path: '/v.qcow2', since: '2026-11-02T00:00:00.000Z' });
      const used = { ...top, users: [user(HOST)] };
      let pins: Set<string>;
      let pinning: Partial<Mirror>;

      beforeEach(() => {
        pins = new Set();
        pinning = {
          pin: async (prefix, name) => void pins.add(`${prefix} ${name}`),
          unpin: async (prefix, name) => void pins.delete(`${prefix} ${name}`),
        };
      });
      const chain = () => [top, middle, base].map((each) => `${keyOf(each, '.qcow2')} ${top.id}`);

      it('stay here, with all of the chain, from then on until it is gone', async () => {
        const pinningStore = openStore({ mirror: pinning });
        for (const each of [top, middle, base]) rmSync(store.filePath(each));
        await pinningStore.update(used);
        expect([...pins]).toEqual(chain());
        for (const each of [top, middle, base]) expect(existsSync(store.filePath(each))).toBe(true);
        await pinningStore.update({ ...used, users: [user(HOST), user('host-2')] });
        expect([...pins]).toEqual(chain());
        await pinningStore.update({ ...used, users: [user('host-2')] });
        expect([...pins]).toEqual([]);
      });

      it('are let go also where they were merged meanwhile', async () => {
        const pinningStore = openStore({ mirror: pinning });
        await pinningStore.update(used);
        const there = openElsewhere();
        await (await fillDraft(there, top, disk('new', base.id))).moveIn();
        await there.remove(middle);
        await pinningStore.update(top);
        expect([...pins]).toEqual([]);
      });

      it('are nobody`s concern on other hosts', async () => {
        await openStore({ mirror: pinning }).update({ ...top, users: [user('host-2')] });
        expect([...pins]).toEqual([]);
      });

      it('get no user where the chain cannot be brought here', async () => {
        bucket.objects.delete(keyOf(base, '.qcow2'));
        await expectFailure(openStore({ mirror: pinning }).update(used), 'SNAPSHOT_DAMAGED');
        expect(await store.read(top.id)).toEqual(top);
        expect([...pins]).toEqual([]);
      });

      it('do not stay where the record could not be written', async () => {
        const full = openStore({ mirror: pinning, bucket: { put: failing('NO_SPACE') } });
        await expectFailure(full.update(used), 'NO_SPACE');
        expect([...pins]).toEqual([]);
      });

      it('stay where the record could not be written that would let them go', async () => {
        await openStore({ mirror: pinning }).update(used);
        const full = openStore({ mirror: pinning, bucket: { put: failing('NO_SPACE') } });
        await expectFailure(full.update(top), 'NO_SPACE');
        expect([...pins]).toEqual(chain());
      });
    });
  });

  it('have no definition that is too long to be one', async () => {
    await keepSnapshot(store, snapshot);
    await bucket.put(keyOf(snapshot, '.xml'), Buffer.alloc(17 * 1024 * 1024));
    await expectFailure(store.readDomainXml(snapshot), 'SNAPSHOT_DAMAGED');
  });

  it('cannot be made where this host has no place for them, or the store takes none', async () => {
    await expectFailure(openStore({ bucket: { put: failing() } }).assertWritable(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    rmSync(path.join(root, 'here'), { recursive: true });
    writeFileSync(path.join(root, 'here'), 'a file');
    await expectFailure(store.assertWritable(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    expect(() => store.draft(snapshot, 'tag')).toThrow(expect.objectContaining({ code: 'STORE_WRITE_FAILED' }));
  });
});

/** What begins like a qcow2 file that has the other snapshot's as its backing file. */
function disk(text: string, parentId?: string): Buffer {
  const name = parentId === undefined ? '' : `${parentId}.qcow2`;
  const header = Buffer.alloc(64);
  header.write('QFI\xfb', 'latin1');
  if (name !== '') header.writeBigUInt64BE(BigInt(header.length + text.length), 8);
  header.writeUInt32BE(name.length, 16);
  return Buffer.concat([header, Buffer.from(text), Buffer.from(name)]);
}
