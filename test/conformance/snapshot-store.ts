import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotStore } from '../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { SAMPLE_VOLUME, sampleSnapshot } from '../support/sample-snapshots.ts';
import { fillDraft, keepSnapshot, makeVolumeClaim } from '../support/snapshot-files.ts';
import { hostileChanges, hostileDocuments, richSnapshot } from './snapshot-records.ts';
import { describeVolumeClaims } from './volume-claims.ts';

export interface SnapshotStoreUnderTest {
  readonly store: SnapshotStore;
  /** What another host sees of it. */
  readonly other: SnapshotStore;
  /** What another process of the first host sees of it. */
  readonly nextDoor: SnapshotStore;
  /** Puts any text where a record should be. */
  readonly putRecord: (key: Pick<SnapshotRecord, 'id' | 'volume'>, content: string) => Promise<void>;
  /** Takes the snapshot's file away, wherever it is kept. */
  readonly loseFile: (key: Pick<SnapshotRecord, 'id' | 'volume'>) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

const ODD_IDS = ['', '..', '../x', 'A'.repeat(36), `${randomUUID()}/x`];

/** What every store of snapshots must do. */
export function describeSnapshotStore(name: string, makeSubject: () => Promise<SnapshotStoreUnderTest>): void {
  describe(name, () => {
    let subject: SnapshotStoreUnderTest;
    let store: SnapshotStore;
    let other: SnapshotStore;
    const snapshot = sampleSnapshot('a');

    beforeEach(async () => {
      subject = await makeSubject();
      ({ store, other } = subject);
    });
    afterEach(async () => await subject.dispose());

    describe('a snapshot', () => {
      it('is read back exactly as it was published, by every host', async () => {
        const rich = richSnapshot();
        await keepSnapshot(store, rich);
        expect(await store.read(rich.id)).toEqual(rich);
        expect(await other.list()).toEqual({ snapshots: [rich], broken: [] });
      });

      it('is not there before its record was written, and its file alone makes none', async () => {
        expect(await store.list()).toEqual({ snapshots: [], broken: [] });
        await store.assertWritable(snapshot.volume);
        await (await fillDraft(store, snapshot, 'content')).moveIn();
        expect(await store.list()).toEqual({ snapshots: [], broken: [] });
        await expectFailure(store.read(snapshot.id), 'SNAPSHOT_NOT_FOUND');
        expect(await store.resolveFile(snapshot)).toBe(store.filePath(snapshot));
      });

      it('is not published without its file, or twice', async () => {
        await store.assertWritable(snapshot.volume);
        await expectFailure(store.publish(snapshot, null), 'STORE_WRITE_FAILED');
        expect((await store.list()).snapshots).toEqual([]);
        await keepSnapshot(store, snapshot);
        await expectFailure(store.publish({ ...snapshot, description: 'new' }, '<domain/>'), 'SNAPSHOT_STATE');
        expect(await store.read(snapshot.id)).toEqual(snapshot);
        expect(await store.readDomainXml(snapshot)).toBeNull();
      });

      it('is changed by an update, which never makes one', async () => {
        await expectFailure(store.update(snapshot), 'SNAPSHOT_NOT_FOUND');
        await keepSnapshot(store, snapshot);
        await other.update({ ...snapshot, isDeleted: true });
        expect(await store.read(snapshot.id)).toEqual({ ...snapshot, isDeleted: true });
        await expectFailure(store.update({ ...snapshot, volume: randomUUID() }), 'SNAPSHOT_NOT_FOUND');
      });

      it('is gone with all its files when it is removed, and may be removed again', async () => {
        await store.remove(snapshot);
        await keepSnapshot(store, snapshot, { domainXml: '<domain/>' });
        for (let round = 0; round < 2; round += 1) {
          await store.remove(snapshot);
          await expectFailure(store.read(snapshot.id), 'SNAPSHOT_NOT_FOUND');
          const failure = await expectFailure(store.resolveFile(snapshot), 'SNAPSHOT_DAMAGED');
          expect(failure).toMatchObject({ fields: { isMissing: true } });
          expect(await store.readDomainXml(snapshot)).toBeNull();
        }
        await keepSnapshot(store, snapshot);
        expect((await store.list()).snapshots).toEqual([snapshot]);
      });

      it('is not removed by the name of another volume', async () => {
        await keepSnapshot(store, snapshot);
        await store.remove({ ...snapshot, volume: randomUUID() });
        expect(await store.read(snapshot.id)).toEqual(snapshot);
        expect(await store.resolveFile(snapshot)).toBe(store.filePath(snapshot));
      });

      it('has a definition where one was kept, and never that of another attempt', async () => {
        await keepSnapshot(store, snapshot, { domainXml: '<domain>ä</domain>' });
        expect(await other.readDomainXml(snapshot)).toBe('<domain>ä</domain>');
        await store.remove(snapshot);
        await keepSnapshot(store, snapshot);
        expect(await store.readDomainXml(snapshot)).toBeNull();
      });

      it.each(ODD_IDS)('has no other id than a UUID: %j', async (odd) => {
        for (const key of [
          { id: odd, volume: SAMPLE_VOLUME },
          { id: snapshot.id, volume: odd },
        ]) {
          expect(() => store.filePath(key)).toThrow(expect.objectContaining({ code: 'SNAPSHOT_NOT_FOUND' }));
          expect(() => store.draft(key, 'x')).toThrow(expect.objectContaining({ code: 'SNAPSHOT_NOT_FOUND' }));
          await expectFailure(
            Promise.resolve().then(() => store.resolveFile(key)),
            'SNAPSHOT_NOT_FOUND',
          );
          await expectFailure(
            Promise.resolve().then(() => store.readDomainXml(key)),
            'SNAPSHOT_NOT_FOUND',
          );
          await expectFailure(
            Promise.resolve().then(() => store.remove(key)),
            'SNAPSHOT_NOT_FOUND',
          );
        }
        await expectFailure(store.read(odd), 'SNAPSHOT_NOT_FOUND');
        expect(await store.list({ volume: odd })).toEqual({ snapshots: [], broken: [] });
        await expectFailure(store.assertWritable(odd), 'INVALID_REQUEST');
        await expectFailure(store.discardDrafts(odd, 'x'), 'INVALID_REQUEST');
      });
    });

    describe('a list', () => {
      it('is of one volume or of all, the oldest first, deleted ones included', async () => {
        const volume = randomUUID();
        const at = (minute: number) => ({ createdAt: `2026-11-01T00:0${minute}:00.000Z` });
        const [third, first, second, equal] = [
          sampleSnapshot('a', at(3)),
          sampleSnapshot('c', { ...at(1), volume, isDeleted: true }),
          sampleSnapshot('b', at(2)),
          sampleSnapshot('d', at(3)),
        ];
        for (const each of [third, first, equal, second]) await keepSnapshot(store, each);
        expect((await store.list()).snapshots).toEqual([first, second, third, equal]);
        expect((await store.list({ volume })).snapshots).toEqual([first]);
        expect((await store.list({ volume: SAMPLE_VOLUME })).snapshots).toEqual([second, third, equal]);
        expect(await store.list({ volume: randomUUID() })).toEqual({ snapshots: [], broken: [] });
      });
    });

    describe('a damaged record', () => {
      it.each(hostileDocuments())('is refused and reported beside the sound ones: %s', async (_, damage) => {
        const sound = sampleSnapshot('b');
        await keepSnapshot(store, sound);
        await keepSnapshot(store, snapshot);
        await subject.putRecord(snapshot, damage(snapshot));
        await expectFailure(store.read(snapshot.id), 'SNAPSHOT_DAMAGED');
        const { id, volume } = snapshot;
        expect(await store.list()).toEqual({
          snapshots: [sound],
          broken: [{ id, volume, reason: expect.any(String) }],
        });
      });

      it.each(hostileChanges())('is never written: %s', async (_, change) => {
        await keepSnapshot(store, snapshot);
        const bad = change(snapshot);
        await expectFailure(store.update(bad), 'INTERNAL');
        await expectFailure(store.publish(bad, null), 'INTERNAL');
        expect(await store.read(snapshot.id)).toEqual(snapshot);
      });

      it('can be replaced and removed', async () => {
        await keepSnapshot(store, snapshot);
        await subject.putRecord(snapshot, 'broken');
        await store.update(snapshot);
        expect(await store.read(snapshot.id)).toEqual(snapshot);
        await subject.putRecord(snapshot, 'broken');
        await store.remove(snapshot);
        expect(await store.list()).toEqual({ snapshots: [], broken: [] });
      });
    });

    describe('a file in the making', () => {
      beforeEach(async () => await store.assertWritable(SAMPLE_VOLUME));

      it('lies in the folder of the snapshot`s own, so that names of backing files are those of the store', () => {
        const draft = store.draft(snapshot, 'tag');
        expect(path.dirname(draft.path)).toBe(path.dirname(store.filePath(snapshot)));
        expect(path.dirname(store.filePath(snapshot))).toBe(path.dirname(store.filePath(sampleSnapshot('b'))));
        expect(draft.path.startsWith(store.rootPath)).toBe(true);
        expect(path.basename(store.filePath(snapshot))).toBe(`${snapshot.id}.qcow2`);
      });

      it('takes the place of the snapshot`s at once, which readers of the old one do not notice', async () => {
        await keepSnapshot(store, snapshot, { content: 'old' });
        const draft = await fillDraft(store, snapshot, 'new');
        expect(readFileSync(store.filePath(snapshot), 'utf8')).toBe('old');
        await draft.moveIn();
        expect(readFileSync(store.filePath(snapshot), 'utf8')).toBe('new');
        expect(existsSync(draft.path)).toBe(false);
        await draft.moveIn();
        await draft.discard();
        expect(readFileSync(store.filePath(snapshot), 'utf8')).toBe('new');
      });

      it('tells how long it is and what it takes', async () => {
        const draft = store.draft(snapshot, 'tag');
        writeFileSync(draft.path, 'x'.repeat(5000));
        const { sizeBytes, storedBytes } = await draft.seal();
        expect(sizeBytes).toBe(5000);
        expect(storedBytes).toBeGreaterThanOrEqual(5000);
      });

      it('cannot be sealed or moved in when it is not there', async () => {
        const draft = store.draft(snapshot, 'tag');
        await expectFailure(draft.seal(), 'STORE_WRITE_FAILED');
        await expectFailure(draft.moveIn(), 'STORE_WRITE_FAILED');
        await draft.discard();
      });

      it('goes with the others of its tag, and with nothing else', async () => {
        await keepSnapshot(store, snapshot);
        const [one, two, foreign] = [
          store.draft(snapshot, 'tag'),
          store.draft(sampleSnapshot('b'), 'tag'),
          store.draft(snapshot, 'other-tag'),
        ];
        for (const draft of [one, two, foreign]) writeFileSync(draft.path, '');
        await subject.nextDoor.discardDrafts(SAMPLE_VOLUME, 'tag');
        await subject.nextDoor.discardDrafts(randomUUID(), 'tag');
        expect([one, two, foreign].map((draft) => existsSync(draft.path))).toEqual([false, false, true]);
        expect(await store.read(snapshot.id)).toEqual(snapshot);
        expect(await store.resolveFile(snapshot)).toBe(store.filePath(snapshot));
        await foreign.discard();
        expect(readdirSync(path.dirname(foreign.path)).filter((each) => each.endsWith('.partial'))).toEqual([]);
      });

      it.each(['', '.', '..', 'a/b', '../x', 'a.b', 'a b'])('has no tag that is a path: %j', (tag) => {
        expect(() => store.draft(snapshot, tag)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
      });

      it('is refused as the file of a snapshot where a folder stands in its place', async () => {
        await keepSnapshot(store, snapshot);
        await subject.loseFile(snapshot);
        await expectFailure(store.resolveFile(snapshot), 'SNAPSHOT_DAMAGED');
        mkdirSync(store.filePath(snapshot));
        await expectFailure(store.resolveFile(snapshot), 'SNAPSHOT_DAMAGED');
      });
    });

    it('is written to by whoever holds the claim, without asking first whether it can be', async () => {
      await store.claim(makeVolumeClaim(SAMPLE_VOLUME));
      await (await fillDraft(store, snapshot, 'content')).moveIn();
      await store.publish(snapshot, null);
      expect((await store.list()).snapshots).toEqual([snapshot]);
    });

    describeVolumeClaims(() => subject);
  });
}
