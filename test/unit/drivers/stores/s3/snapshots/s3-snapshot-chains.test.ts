import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Mirror } from '../../../../../../src/drivers/stores/s3/mirror.ts';
import type { SnapshotRecord } from '../../../../../../src/model/snapshot/snapshot.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
import type { FakeBucket } from '../../../../../support/fake-bucket.ts';
import { sampleSnapshot } from '../../../../../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot } from '../../../../../support/snapshot-files.ts';
import { createS3SnapshotsFixture, failing, HOST, keyOf, type S3SnapshotsFixture } from './s3-snapshots-fixture.ts';

let fixture: S3SnapshotsFixture;

beforeEach(() => {
  fixture = createS3SnapshotsFixture();
});
afterEach(() => fixture.dispose());

describe('snapshots in a bucket', () => {
  describe('that stand on each other', () => {
    const [base, middle, top] = [sampleSnapshot('a'), sampleSnapshot('b'), sampleSnapshot('c')];
    const put = async (each: SnapshotRecord, parent: SnapshotRecord | null) => {
      await keepSnapshot(fixture.store, each, { content: disk(each.id, parent?.id) });
    };
    const fetched = () =>
      fixture.bucket.calls.filter((call) => call.startsWith('download ')).map((call) => call.slice(9));

    beforeEach(async () => {
      await put(base, null);
      await put(middle, base);
      await put(top, middle);
    });

    it('are brought here with all of the chain, once', async () => {
      const there = fixture.openElsewhere();
      const bytes: number[] = [];
      await there.resolveFile(top, { onBytes: (total) => bytes.push(total) });
      expect(fetched()).toEqual([top, middle, base].map((each) => keyOf(each, '.qcow2')));
      for (const each of [top, middle, base]) expect(existsSync(there.filePath(each))).toBe(true);
      const lengths = [top, middle, base].map(
        (each) => fixture.bucket.objects.get(keyOf(each, '.qcow2'))?.content.length ?? 0,
      );
      expect(bytes.at(-1)).toBe(lengths.reduce((sum, length) => sum + length, 0));
      await there.resolveFile(top);
      expect(fetched()).toHaveLength(3);
    });

    it('are looked at anew where one was merged away in the middle of it', async () => {
      const there = fixture.openElsewhere();
      const mergingMiddleAway: Partial<FakeBucket> = {
        head: async (key) => {
          if (key === keyOf(middle, '.qcow2') && fixture.bucket.objects.has(key)) {
            await (await fillDraft(fixture.store, top, disk('new', base.id))).moveIn();
            await fixture.store.remove(middle);
          }
          return await fixture.bucket.head(key);
        },
      };
      const changing = { ...fixture.bucket, ...mergingMiddleAway };
      const file = await fixture.openElsewhere({ folder: 'x', bucket: changing }).resolveFile(top);
      expect(readFileSync(file, 'utf8')).toContain('new');
      await expectFailure(there.resolveFile(middle), 'SNAPSHOT_DAMAGED');
    });

    it('are damaged where one is missing, or stands on itself', async () => {
      await (await fillDraft(fixture.store, base, disk('', top.id))).moveIn();
      expect((await expectFailure(fixture.openElsewhere().resolveFile(top), 'SNAPSHOT_DAMAGED')).message).toContain(
        'itself',
      );
      fixture.bucket.objects.delete(keyOf(middle, '.qcow2'));
      const failure = await expectFailure(fixture.openElsewhere().resolveFile(top), 'SNAPSHOT_DAMAGED');
      expect(failure.message).toContain(`the file of ${middle.id}, which it stands on, is missing`);
    });

    it('are brought here although a record between them is broken', async () => {
      await fixture.bucket.put(keyOf(middle, '.json'), 'broken');
      const there = fixture.openElsewhere();
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
        const pinningStore = fixture.openStore({ mirror: pinning });
        for (const each of [top, middle, base]) rmSync(fixture.store.filePath(each));
        await pinningStore.update(used);
        expect([...pins]).toEqual(chain());
        for (const each of [top, middle, base]) expect(existsSync(fixture.store.filePath(each))).toBe(true);
        await pinningStore.update({ ...used, users: [user(HOST), user('host-2')] });
        expect([...pins]).toEqual(chain());
        await pinningStore.update({ ...used, users: [user('host-2')] });
        expect([...pins]).toEqual([]);
      });

      it('are let go also where they were merged meanwhile', async () => {
        const pinningStore = fixture.openStore({ mirror: pinning });
        await pinningStore.update(used);
        const there = fixture.openElsewhere();
        await (await fillDraft(there, top, disk('new', base.id))).moveIn();
        await there.remove(middle);
        await pinningStore.update(top);
        expect([...pins]).toEqual([]);
      });

      it('are nobody`s concern on other hosts', async () => {
        await fixture.openStore({ mirror: pinning }).update({ ...top, users: [user('host-2')] });
        expect([...pins]).toEqual([]);
      });

      it('get no user where the chain cannot be brought here', async () => {
        fixture.bucket.objects.delete(keyOf(base, '.qcow2'));
        await expectFailure(fixture.openStore({ mirror: pinning }).update(used), 'SNAPSHOT_DAMAGED');
        expect(await fixture.store.read(top.id)).toEqual(top);
        expect([...pins]).toEqual([]);
      });

      it('do not stay where the record could not be written', async () => {
        const full = fixture.openStore({ mirror: pinning, bucket: { put: failing('NO_SPACE') } });
        await expectFailure(full.update(used), 'NO_SPACE');
        expect([...pins]).toEqual([]);
      });

      it('stay where the record could not be written that would let them go', async () => {
        await fixture.openStore({ mirror: pinning }).update(used);
        const full = fixture.openStore({ mirror: pinning, bucket: { put: failing('NO_SPACE') } });
        await expectFailure(full.update(top), 'NO_SPACE');
        expect([...pins]).toEqual(chain());
      });
    });
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
