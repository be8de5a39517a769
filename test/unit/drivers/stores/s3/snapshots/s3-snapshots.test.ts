import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../../../../src/model/errors.ts';
import type { SnapshotStore } from '../../../../../../src/model/ports/snapshot-store.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import type { FakeBucket } from '../../../../../support/fake-bucket.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../../../../../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot } from '../../../../../support/snapshot-files.ts';
import { createS3SnapshotsFixture, failing, keyOf, type S3SnapshotsFixture } from './s3-snapshots-fixture.ts';

const snapshot = sampleSnapshot('a');
let fixture: S3SnapshotsFixture;

beforeEach(() => {
  fixture = createS3SnapshotsFixture();
});
afterEach(() => fixture.dispose());

describe('snapshots in a bucket', () => {
  describe('in a list', () => {
    const gets = () => fixture.bucket.calls.filter((call) => call.startsWith('get ')).length;
    const lists = () => fixture.bucket.calls.filter((call) => call.startsWith('list ')).length;

    it('are read again only when their records were changed', async () => {
      const others = [sampleSnapshot('b'), sampleSnapshot('c')];
      for (const each of [snapshot, ...others]) await keepSnapshot(fixture.store, each);
      await fixture.store.list();
      const before = gets();
      expect((await fixture.store.list()).snapshots).toHaveLength(3);
      expect(gets()).toBe(before);
      await fixture.openElsewhere().update({ ...snapshot, description: 'new' });
      const changed = gets();
      expect((await fixture.store.list({ volume: SAMPLE_VOLUME })).snapshots[0]?.description).toBe('new');
      expect(gets()).toBe(changed + 1);
    });

    it('are found by their ids with one look once they were seen', async () => {
      await keepSnapshot(fixture.store, snapshot);
      await fixture.store.read(snapshot.id);
      const [gotten, listed] = [gets(), lists()];
      await fixture.openElsewhere().update({ ...snapshot, description: 'new' });
      const after = gets();
      expect((await fixture.store.read(snapshot.id)).description).toBe('new');
      expect([after - gotten, gets() - after, lists() - listed]).toEqual([1, 1, 0]);
      await fixture.openElsewhere().remove(snapshot);
      await expectFailure(fixture.store.read(snapshot.id), 'SNAPSHOT_NOT_FOUND');
    });

    it('are found although somebody put a copy of a record among those of another volume', async () => {
      await keepSnapshot(fixture.store, snapshot);
      const record = fixture.bucket.objects.get(keyOf(snapshot, '.json'))?.content ?? '';
      for (const volume of ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff']) {
        await fixture.bucket.put(`snapshots/${volume}/${snapshot.id}.json`, record);
      }
      // the sound one comes last
      fixture.bucket.objects.delete(keyOf(snapshot, '.json'));
      await fixture.bucket.put(keyOf(snapshot, '.json'), record);
      expect(await fixture.store.read(snapshot.id)).toEqual(snapshot);
      expect((await fixture.store.list()).broken).toHaveLength(2);
    });

    it('are not taken for broken where the store does not answer', async () => {
      await keepSnapshot(fixture.store, snapshot);
      const silent = fixture.openStore({ bucket: { get: failing('STORE_UNUSABLE'), head: failing('STORE_UNUSABLE') } });
      await expectFailure(silent.list(), 'STORE_UNUSABLE');
      await expectFailure(silent.read(snapshot.id), 'STORE_UNUSABLE');
    });

    it('ignore objects that are no records', async () => {
      await keepSnapshot(fixture.store, snapshot);
      const names = ['x.json', `${snapshot.id}.json~`, `x/${snapshot.id}.json`, '.json'];
      for (const name of names) await fixture.bucket.put(`snapshots/${SAMPLE_VOLUME}/${name}`, 'x');
      for (const name of [`x/${snapshot.id}.json`, `${snapshot.id}.json`])
        await fixture.bucket.put(`snapshots/${name}`, 'x');
      expect(await fixture.store.list()).toEqual({ snapshots: [snapshot], broken: [] });
    });
  });

  describe('that are published', () => {
    const write = async (target: SnapshotStore) => {
      await (await fillDraft(fixture.store, snapshot, 'content')).moveIn();
      await target.publish(snapshot, '<domain/>');
    };

    it.each([
      ['the definition', failingAt('put', '.xml')],
      ['the record', failingAt('put', '.json')],
    ])('are none where %s cannot be written, and can be published again', async (_, fault) => {
      await expectFailure(write(fixture.openStore({ bucket: fault })), 'STORE_WRITE_FAILED');
      expect(await fixture.store.list()).toEqual({ snapshots: [], broken: [] });
      await write(fixture.store);
      expect(await fixture.store.readDomainXml(snapshot)).toBe('<domain/>');
      expect((await fixture.store.list()).snapshots).toEqual([snapshot]);
    });

    it('have no definition of an attempt that died', async () => {
      await expectFailure(write(fixture.openStore({ bucket: failingAt('put', '.json') })), 'STORE_WRITE_FAILED');
      await fixture.store.publish(snapshot, null);
      expect(await fixture.store.readDomainXml(snapshot)).toBeNull();
    });

    it('write the definition first and the record last', async () => {
      await write(fixture.store);
      expect(fixture.bucket.calls.filter((call) => call.startsWith('put '))).toEqual([
        `put ${keyOf(snapshot, '.xml')}`,
        `put ${keyOf(snapshot, '.json')}`,
      ]);
    });

    it('do not replace one that somebody publishes in the same moment', async () => {
      const theirs = { ...snapshot, description: 'theirs' };
      const late = fixture.openStore({
        bucket: {
          put: async (...request) => {
            if (request[0].endsWith('.json')) await fixture.store.publish(theirs, null);
            return await fixture.bucket.put(...request);
          },
        },
      });
      await expectFailure(write(late), 'SNAPSHOT_STATE');
      expect(await fixture.store.read(snapshot.id)).toEqual(theirs);
    });
  });

  describe('that are changed', () => {
    beforeEach(async () => await keepSnapshot(fixture.store, snapshot));

    it('do not come back when they are removed in the same moment', async () => {
      const late = fixture.openStore({
        bucket: {
          put: async (...request) => {
            await fixture.store.remove(snapshot);
            return await fixture.bucket.put(...request);
          },
        },
      });
      await expectFailure(late.update({ ...snapshot, description: 'new' }), 'SNAPSHOT_NOT_FOUND');
      expect((await fixture.store.list()).snapshots).toEqual([]);
    });

    it('are changed over what somebody else wrote in the same moment', async () => {
      let isFirst = true;
      const late = fixture.openStore({
        bucket: {
          put: async (...request) => {
            if (isFirst) await fixture.store.update({ ...snapshot, description: 'theirs' });
            isFirst = false;
            return await fixture.bucket.put(...request);
          },
        },
      });
      await late.update({ ...snapshot, description: 'ours' });
      expect((await fixture.store.read(snapshot.id)).description).toBe('ours');
    });

    it('stay as they were where nothing can be written', async () => {
      const full = fixture.openStore({ bucket: { put: failing('NO_SPACE') } });
      await expectFailure(full.update({ ...snapshot, description: 'new' }), 'NO_SPACE');
      expect(await fixture.store.read(snapshot.id)).toEqual(snapshot);
    });
  });

  describe('that are removed', () => {
    beforeEach(async () => await keepSnapshot(fixture.store, snapshot, { domainXml: '<domain/>' }));

    it('are still there, with all their files, where the record cannot be removed', async () => {
      await expectFailure(
        fixture.openStore({ bucket: failingAt('remove', '.json') }).remove(snapshot),
        'STORE_WRITE_FAILED',
      );
      expect(await fixture.store.read(snapshot.id)).toEqual(snapshot);
      expect(await fixture.store.readDomainXml(snapshot)).toBe('<domain/>');
      expect(existsSync(await fixture.openElsewhere().resolveFile(snapshot))).toBe(true);
    });

    it('are none where the rest cannot be removed, and can be removed again', async () => {
      await expectFailure(
        fixture.openStore({ bucket: failingAt('remove', '.qcow2') }).remove(snapshot),
        'STORE_WRITE_FAILED',
      );
      expect((await fixture.store.list()).snapshots).toEqual([]);
      await fixture.store.remove(snapshot);
      expect([...fixture.bucket.objects.keys()]).toEqual([]);
    });
  });

  it('have no definition that is too long to be one', async () => {
    await keepSnapshot(fixture.store, snapshot);
    await fixture.bucket.put(keyOf(snapshot, '.xml'), Buffer.alloc(17 * 1024 * 1024));
    await expectFailure(fixture.store.readDomainXml(snapshot), 'SNAPSHOT_DAMAGED');
  });

  it('cannot be made where this host has no place for them, or the store takes none', async () => {
    await expectFailure(
      fixture.openStore({ bucket: { put: failing() } }).assertWritable(SAMPLE_VOLUME),
      'STORE_UNUSABLE',
    );
    rmSync(path.join(fixture.root, 'here'), { recursive: true });
    writeFileSync(path.join(fixture.root, 'here'), 'a file');
    await expectFailure(fixture.store.assertWritable(SAMPLE_VOLUME), 'STORE_UNUSABLE');
    expect(() => fixture.store.draft(snapshot, 'tag')).toThrow(expect.objectContaining({ code: 'STORE_WRITE_FAILED' }));
  });
});

/** Fails where that is called for an object with such a name. */
function failingAt(call: 'put' | 'remove', suffix: string): Partial<FakeBucket> {
  const refuse = (key: string) => {
    if (key.endsWith(suffix)) throw new DarkroomError('STORE_WRITE_FAILED', 'no answer');
  };
  if (call === 'put') {
    return {
      put: async (...request) => {
        refuse(request[0]);
        return await fixture.bucket.put(...request);
      },
    };
  }
  return {
    remove: async (keys) => {
      keys.forEach(refuse);
      await fixture.bucket.remove(keys);
    },
  };
}
