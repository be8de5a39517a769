import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../../../../src/model/errors.ts';
import type { SnapshotStore } from '../../../../../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../../../../../src/model/snapshot/snapshot.ts';
import { expectFailure } from '../../../../../support/expect-failure.ts';
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
  describe('whose files are in the making', () => {
    const content = async (from: SnapshotStore) => readFileSync(await from.resolveFile(snapshot), 'utf8');

    it('bill what an object bills: the length, holes included', async () => {
      const draft = fixture.store.draft(snapshot, 'tag');
      execFileSync('truncate', ['-s', '1M', draft.path]);
      expect(await draft.seal()).toEqual({ sizeBytes: 1024 ** 2, storedBytes: 1024 ** 2 });
    });

    it('keep the file of before, everywhere, where the new one cannot be uploaded', async () => {
      await keepSnapshot(fixture.store, snapshot, { content: 'old' });
      const broken = fixture.openStore({ bucket: { upload: failing() } });
      const draft = await fillDraft(broken, snapshot, 'new');
      await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
      expect(existsSync(draft.path)).toBe(true);
      expect([await content(fixture.store), await content(fixture.openElsewhere())]).toEqual(['old', 'old']);
      await draft.discard();
      expect(existsSync(draft.path)).toBe(false);
    });

    it.each(['rename', 'note'])(
      'are the new ones, everywhere, once they were uploaded, whatever fails after it: %s',
      async (step) => {
        await keepSnapshot(fixture.store, snapshot, { content: 'old' });
        const draft = await fillDraft(fixture.openStore({ mirror: { record: failing() } }), snapshot, 'new');
        if (step === 'rename') {
          rmSync(fixture.store.filePath(snapshot));
          mkdirSync(fixture.store.filePath(snapshot));
        }
        await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
        if (step === 'rename') rmSync(fixture.store.filePath(snapshot), { recursive: true });
        expect([await content(fixture.store), await content(fixture.openElsewhere())]).toEqual(['new', 'new']);
        await draft.moveIn().catch(() => undefined);
        expect(await content(fixture.store)).toBe('new');
      },
    );

    it('can be moved in again by whoever could not tell any more', async () => {
      const draft = await fillDraft(fixture.store, snapshot, 'new');
      await draft.moveIn();
      const uploads = fixture.bucket.calls.filter((call) => call.startsWith('upload ')).length;
      await draft.moveIn();
      expect(fixture.bucket.calls.filter((call) => call.startsWith('upload '))).toHaveLength(uploads);
    });

    it('take what was uploaded of them with them, and nothing of another snapshot', async () => {
      const begun = async (each: SnapshotRecord) => {
        const upload = { key: keyOf(each, '.qcow2'), uploadId: randomUUID(), startedAt: '2026-11-01T00:00:00.000Z' };
        fixture.bucket.uploads.add(upload);
        throw new DarkroomError('CANCELLED', 'cancelled');
      };
      const other = sampleSnapshot('b');
      await expectFailure(begun(other), 'CANCELLED');
      const cut = fixture.openStore({ bucket: { upload: () => begun(snapshot) } });
      const draft = await fillDraft(cut, snapshot, 'new');
      await expectFailure(draft.moveIn(), 'CANCELLED');
      await draft.discard();
      expect([...fixture.bucket.uploads].map(({ key }) => key)).toEqual([keyOf(other, '.qcow2')]);
      const again = cut.draft(snapshot, 'tag');
      writeFileSync(again.path, 'new');
      await expectFailure(again.moveIn(), 'CANCELLED');
      await fixture.store.discardDrafts(SAMPLE_VOLUME, 'tag');
      expect([...fixture.bucket.uploads].map(({ key }) => key)).toEqual([keyOf(other, '.qcow2')]);
      expect(existsSync(again.path)).toBe(false);
    });

    it('are discarded also where the store does not answer', async () => {
      const silent = fixture.openStore({ bucket: { upload: failing(), abortUploads: failing() } });
      const draft = silent.draft(snapshot, 'tag');
      writeFileSync(draft.path, 'new');
      await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
      await draft.discard();
      writeFileSync(draft.path, 'new');
      await silent.discardDrafts(SAMPLE_VOLUME, 'tag');
      expect(existsSync(draft.path)).toBe(false);
    });

    it('have a folder also when the last copy in it has just gone', async () => {
      await keepSnapshot(fixture.store, snapshot);
      await fixture.store.remove(snapshot);
      expect(existsSync(path.dirname(fixture.store.filePath(snapshot)))).toBe(false);
      expect(await (await fillDraft(fixture.store, snapshot, 'new')).moveIn()).toBeUndefined();
    });
  });
});
