import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Shelf } from '../../src/model/ports/shelf.ts';
import type { ShelfClaim, ShelvedInstance } from '../../src/model/shelved-instance.ts';
import { expectFailure } from '../support/expect-failure.ts';
import { makeClaim, makeShelved } from '../support/sample-shelf.ts';

export interface ShelfUnderTest {
  readonly shelf: Shelf;
  /** What another host sees of it. */
  readonly other: Shelf;
  /** Puts any text where a record should be. */
  readonly putRecord: (instanceId: string, content: string) => Promise<void>;
  readonly dispose: () => Promise<void>;
}

/** What every shelf must do. */
export function describeShelf(name: string, makeSubject: () => Promise<ShelfUnderTest>): void {
  describe(name, () => {
    let subject: ShelfUnderTest;
    let shelf: Shelf;
    let other: Shelf;
    let id: string;
    const seenBy = (host: number): Shelf => (host % 2 === 0 ? shelf : other);

    beforeEach(async () => {
      subject = await makeSubject();
      ({ shelf, other } = subject);
      id = randomUUID();
    });
    afterEach(async () => await subject.dispose());

    describe('a record', () => {
      it('is read back exactly as it was written, by every host', async () => {
        const record = makeShelved(id);
        await shelf.write(record);
        expect(await shelf.read(id)).toEqual(record);
        expect(await other.list()).toEqual({ instances: [record], broken: [] });
      });

      it('may lack all that an instance need not have', async () => {
        const bare = { disks: [], files: [], memory: null, checkpoints: [], reservations: [], made: null, macs: [] };
        const record = makeShelved(id, {
          ...bare,
          state: 'offloading',
          powerState: 'suspended',
          isImageDeferred: true,
        });
        await shelf.write(record);
        expect(await shelf.read(id)).toEqual(record);
      });

      it('of before there were labels and owners has none', async () => {
        const { labels: _labels, owner: _owner, ...old } = makeShelved(id);
        await subject.putRecord(id, JSON.stringify(old));
        expect(await shelf.read(id)).toEqual({ ...old, labels: {}, owner: null });
      });

      it('replaces the one before it', async () => {
        const record = makeShelved(id, { state: 'shelved' });
        await shelf.write(record);
        await other.write({ ...record, state: 'shelved_offloaded' });
        expect(await shelf.list()).toEqual({ instances: [{ ...record, state: 'shelved_offloaded' }], broken: [] });
      });

      it('is gone when removed, and may be removed again', async () => {
        await shelf.remove(id);
        await shelf.write(makeShelved(id));
        await shelf.remove(id);
        await shelf.remove(id);
        expect(await shelf.read(id)).toBeNull();
        expect(await shelf.list()).toEqual({ instances: [], broken: [] });
      });

      it('is listed by name', async () => {
        for (const instanceName of ['web', 'db', 'mail']) {
          await shelf.write(makeShelved(randomUUID(), { name: instanceName }));
        }
        expect((await shelf.list()).instances.map((instance) => instance.name)).toEqual(['db', 'mail', 'web']);
      });

      it('is not there before anything was written', async () => {
        expect(await shelf.read(id)).toBeNull();
        expect(await shelf.list()).toEqual({ instances: [], broken: [] });
      });

      it.each(['', '..', '../x', 'A'.repeat(36), `${randomUUID()}/x`])(
        'has no other id than a UUID: %j',
        async (bad) => {
          await expectFailure(shelf.read(bad), 'INVALID_REQUEST');
          await expectFailure(shelf.remove(bad), 'INVALID_REQUEST');
          await expectFailure(shelf.write(makeShelved(bad)), 'INVALID_REQUEST');
          await expectFailure(shelf.claim(makeClaim(bad)), 'INVALID_REQUEST');
          await expectFailure(shelf.readClaim(bad), 'INVALID_REQUEST');
          await expectFailure(shelf.releaseClaim(bad, 'x'), 'INVALID_REQUEST');
          await expectFailure(shelf.stealClaim(makeClaim(bad), makeClaim(bad)), 'INVALID_REQUEST');
        },
      );
    });

    describe('a damaged record', () => {
      it.each(hostileDocuments())('is refused and reported beside the sound ones: %s', async (_, damage) => {
        const sound = makeShelved(randomUUID());
        await shelf.write(sound);
        await subject.putRecord(id, damage(makeShelved(id)));
        await expectFailure(shelf.read(id), 'SHELF_DAMAGED');
        expect(await shelf.list()).toEqual({ instances: [sound], broken: [{ id, reason: expect.any(String) }] });
      });

      it.each(hostileChanges())('is never written: %s', async (_, change) => {
        const record = makeShelved(id);
        await shelf.write(record);
        await expectFailure(shelf.write(change(record)), 'INTERNAL');
        expect(await shelf.read(id)).toEqual(record);
      });

      it('can be replaced and removed', async () => {
        await subject.putRecord(id, 'broken');
        await shelf.write(makeShelved(id));
        expect((await shelf.read(id))?.id).toBe(id);
        await subject.putRecord(id, 'broken');
        await shelf.remove(id);
        expect(await shelf.read(id)).toBeNull();
      });
    });

    describe('a claim', () => {
      it('is held by one, and others are told by whom', async () => {
        const claim = makeClaim(id);
        expect(await shelf.readClaim(id)).toBeNull();
        expect(await shelf.claim(claim)).toBeNull();
        expect(await other.claim(makeClaim(id, 'host-2'))).toEqual(claim);
        expect(await other.readClaim(id)).toEqual(claim);
        expect(await other.claim(makeClaim(randomUUID()))).toBeNull();
      });

      it('may be made again by the operation that holds it: its answer may have been lost', async () => {
        const claim = makeClaim(id);
        await shelf.claim(claim);
        expect(await shelf.claim({ ...claim, since: 'later' })).toBeNull();
        expect(await shelf.readClaim(id)).toEqual(claim);
        expect(await other.claim({ ...claim, host: 'host-2' })).toEqual(claim);
      });

      it('goes to exactly one of many who want it at once', async () => {
        const claims = Array.from({ length: 50 }, (_, index) => makeClaim(id, `host-${index}`));
        const answers = await Promise.all(claims.map((claim, at) => seenBy(at).claim(claim)));
        const winners = claims.filter((_, at) => answers[at] === null);
        expect(winners).toHaveLength(1);
        expect(answers.filter((answer) => answer !== null)).toEqual(Array.from({ length: 49 }, () => winners[0]));
        expect(await shelf.readClaim(id)).toEqual(winners[0]);
      });

      it('is free after it was given up, also for the same operation', async () => {
        const claim = makeClaim(id);
        for (let round = 0; round < 3; round += 1) {
          expect(await shelf.claim(claim)).toBeNull();
          await shelf.releaseClaim(id, claim.operationId);
          await shelf.releaseClaim(id, claim.operationId);
          expect(await shelf.readClaim(id)).toBeNull();
        }
        expect(await other.claim(makeClaim(id))).toBeNull();
      });

      it('is not given up by somebody else', async () => {
        const claim = makeClaim(id);
        await shelf.releaseClaim(id, claim.operationId);
        await shelf.claim(claim);
        await other.releaseClaim(id, randomUUID());
        expect(await shelf.readClaim(id)).toEqual(claim);
      });

      it('is never held by two of many who claim and give up', async () => {
        let holders = 0;
        let most = 0;
        const take = async (at: number) => {
          const claim = makeClaim(id, `host-${at}`);
          while ((await seenBy(at).claim(claim)) !== null) await pause();
          holders += 1;
          most = Math.max(most, holders);
          await pause();
          holders -= 1;
          await seenBy(at + 1).releaseClaim(id, claim.operationId);
        };
        await Promise.all(Array.from({ length: 12 }, (_, at) => take(at)));
        expect(most).toBe(1);
        expect(await shelf.readClaim(id)).toBeNull();
      });
    });

    describe('taking over a claim', () => {
      it('works from who holds it, who has lost it then', async () => {
        const [dead, thief] = [makeClaim(id, 'host-1'), makeClaim(id, 'host-2')];
        await shelf.claim(dead);
        expect(await other.stealClaim(thief, dead)).toBe(true);
        expect(await shelf.readClaim(id)).toEqual(thief);
        expect(await shelf.claim(dead)).toEqual(thief);
        await shelf.releaseClaim(id, dead.operationId);
        expect(await shelf.readClaim(id)).toEqual(thief);
        await other.releaseClaim(id, thief.operationId);
        expect(await shelf.readClaim(id)).toBeNull();
      });

      it('does not work from anybody else, or where nobody holds it', async () => {
        const holder = makeClaim(id);
        expect(await other.stealClaim(makeClaim(id), holder)).toBe(false);
        expect(await shelf.readClaim(id)).toBeNull();
        await shelf.claim(holder);
        expect(await other.stealClaim(makeClaim(id), makeClaim(id))).toBe(false);
        expect(await other.stealClaim(makeClaim(id), { ...holder, host: 'host-9' })).toBe(false);
        expect(await shelf.readClaim(id)).toEqual(holder);
      });

      it('may be repeated by who has taken it over, and done again by the next', async () => {
        const [dead, thief, next] = [makeClaim(id, 'a'), makeClaim(id, 'b'), makeClaim(id, 'c')];
        await shelf.claim(dead);
        expect(await shelf.stealClaim(thief, dead)).toBe(true);
        expect(await shelf.stealClaim(thief, dead)).toBe(true);
        expect(await other.stealClaim(next, dead)).toBe(false);
        expect(await other.stealClaim(next, thief)).toBe(true);
        expect(await shelf.readClaim(id)).toEqual(next);
      });

      it('is done by exactly one of many, and nobody claims it meanwhile', async () => {
        for (let round = 0; round < 5; round += 1) {
          const dead = makeClaim(id);
          expect(await shelf.claim(dead)).toBeNull();
          const thieves = Array.from({ length: 10 }, (_, at) => makeClaim(id, `thief-${at}`));
          const state = { isDone: false };
          const claiming = claimUntil(state, other, id);
          const answers = await Promise.all(thieves.map((thief, at) => seenBy(at).stealClaim(thief, dead)));
          state.isDone = true;
          expect(await claiming, 'somebody else found it free').toBe(0);
          const winners = thieves.filter((_, at) => answers[at]);
          expect(winners).toHaveLength(1);
          expect(await shelf.readClaim(id)).toEqual(winners[0]);
          await shelf.releaseClaim(id, winners[0]?.operationId ?? '');
        }
      });

      it('and giving it up at the same moment: one of both, and never somebody else`s', async () => {
        for (let round = 0; round < 20; round += 1) {
          const [back, thief, third] = [makeClaim(id, 'back'), makeClaim(id, 'thief'), makeClaim(id, 'third')];
          await shelf.claim(back);
          const [isStolen] = await Promise.all([
            other.stealClaim(thief, back),
            shelf.releaseClaim(id, back.operationId),
          ]);
          const holder: ShelfClaim | null = await shelf.readClaim(id);
          expect(holder).toEqual(isStolen ? thief : null);
          expect(await other.claim(third)).toEqual(holder);
          await shelf.releaseClaim(id, (holder ?? third).operationId);
        }
      });
    });
  });
}

async function claimUntil(state: { readonly isDone: boolean }, shelf: Shelf, id: string): Promise<number> {
  let won = 0;
  while (!state.isDone) {
    if ((await shelf.claim(makeClaim(id, 'passer-by'))) === null) won += 1;
    await pause();
  }
  return won;
}

function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function hostileDocuments(): [string, (record: ShelvedInstance) => string][] {
  return [
    ['empty', () => ''],
    ['not JSON', () => '{"version": 1,'],
    ['not an object', () => '[]'],
    ['too long', (record) => JSON.stringify({ ...record, name: 'x'.repeat(2 * 1024 * 1024) })],
    ['of a later version', (record) => JSON.stringify({ ...record, version: 2 })],
    ['of another instance', () => JSON.stringify(makeShelved(randomUUID()))],
    ['with more than we know', (record) => JSON.stringify({ ...record, surprise: true })],
    ['without its disks', ({ disks: _, ...record }) => JSON.stringify(record)],
    ['in an unknown state', (record) => JSON.stringify({ ...record, state: 'gone' })],
    ['with an owner that is a name', (record) => JSON.stringify(record).replace('64055', '"root"')],
    ...hostileChanges().map(([title, change]): [string, (record: ShelvedInstance) => string] => [
      title,
      (record) => JSON.stringify(change(record)),
    ]),
  ];
}

function hostileChanges(): [string, (record: ShelvedInstance) => ShelvedInstance][] {
  const inDisk = (change: Partial<ShelvedInstance['disks'][number]>) => (record: ShelvedInstance) => ({
    ...record,
    disks: record.disks.map((disk) => ({ ...disk, ...change })),
  });
  const inFile = (change: Partial<ShelvedInstance['files'][number]>) => (record: ShelvedInstance) => ({
    ...record,
    files: record.files.map((file) => ({ ...file, ...change })),
  });
  return [
    ['labels that are none', (record) => ({ ...record, labels: { 'a b': 'c' } })],
    ['a file above the image', inFile({ file: '../nvram.fd' })],
    ['a file deep above the image', inFile({ file: 'a/../../nvram.fd' })],
    ['a file anywhere on the host', inFile({ file: '/etc/shadow' })],
    ['the image`s own manifest as a file', inFile({ file: 'manifest.json' })],
    [
      'a memory above the image',
      (record) => ({ ...record, memory: { file: '../m', sizeBytes: 1, sha256: 'a'.repeat(64) } }),
    ],
    ['a checkpoint above the image', (record) => ({ ...record, checkpoints: [{ name: 'c', file: '../c.xml' }] })],
    ['a relative path of a disk', inDisk({ path: 'images/web.qcow2' })],
    ['a path of a disk with a detour', inDisk({ path: '/var/lib/../../etc/passwd' })],
    ['a path of a disk with a zero byte', inDisk({ path: '/var/lib/a\0b' })],
    ['a folder as a disk', inDisk({ path: '/var/lib/' })],
    ['a relative base', inDisk({ basePath: '../base' })],
    ['a target that is a path', inDisk({ target: '../vda' })],
    ['a size below zero', inDisk({ sizeBytes: -1 })],
    ['a mode that is more than permissions', inDisk({ ownership: { uid: 0, gid: 0, mode: 0o100644 } })],
    ['a relative path of a file', inFile({ path: 'nvram/web' })],
    ['a checksum that is none', inFile({ sha256: 'x' })],
    [
      'one path twice',
      (record) => ({ ...record, files: [...record.files, ...record.files.map((file) => ({ ...file, file: 'b' }))] }),
    ],
    ['one file of the image twice', (record) => ({ ...record, checkpoints: [{ name: 'c', file: 'nvram.fd' }] })],
    [
      'one target twice',
      (record) => ({ ...record, disks: [...record.disks, ...record.disks.map((disk) => ({ ...disk, path: '/b' }))] }),
    ],
    [
      'a made file outside of its folder',
      (record) => ({ ...record, made: { imageId: record.imageId, folder: '/a', files: ['../b'] } }),
    ],
    [
      'a made folder that is relative',
      (record) => ({ ...record, made: { imageId: record.imageId, folder: 'a', files: [] } }),
    ],
    ['an image id that is a path', (record) => ({ ...record, imageId: '../../x' })],
    [
      'an address that is none',
      (record) => ({
        ...record,
        reservations: [{ network: 'n', mac: '52:54:00:12:34:56', address: '<x/>', name: null }],
      }),
    ],
    ['a MAC that is none', (record) => ({ ...record, macs: ['52:54'] })],
    ['a time that is none', (record) => ({ ...record, shelvedAt: 'yesterday' })],
  ];
}
