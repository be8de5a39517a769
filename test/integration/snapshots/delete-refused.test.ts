import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { VolumeClaim } from '../../../src/model/ports/snapshot-store.ts';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { SAMPLE_VOLUME } from '../../support/sample-snapshots.ts';
import { type ChainFixture, createChainFixture, MIB, qemuImg } from './chain-fixture.ts';

const SMALL = { logicalBytes: 8 * MIB };
const CLAIM: VolumeClaim = {
  volume: SAMPLE_VOLUME,
  host: 'host-b',
  operationId: '99999999-0000-4000-8000-000000000000',
  kind: 'snapshot.create',
  since: '2026-11-21T00:00:00.000Z',
};

let fixture: ChainFixture;

/** a, b on it, and c on that. */
beforeEach(async () => {
  fixture = createChainFixture();
  await fixture.take({ letter: 'a', facts: SMALL, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
  await fixture.take({
    letter: 'b',
    parent: 'a',
    facts: SMALL,
    writes: [{ pattern: 2, offset: MIB, length: 2 * MIB }],
  });
  await fixture.take({ letter: 'c', parent: 'b', facts: SMALL, writes: [{ pattern: 3, offset: 0, length: MIB }] });
});
afterEach(() => fixture.dispose());

const request = (letter: string) => ({ kind: 'snapshot.delete', snapshot: fixture.idOf(letter) }) as const;

async function expectUntouched(): Promise<void> {
  expect(await fixture.letters()).toEqual(['a', 'b', 'c']);
  expect(await fixture.changed(['a', 'b', 'c'])).toEqual([]);
  expect(await fixture.leftovers()).toEqual([]);
  expect((await fixture.record('c')).parent).toBe(fixture.idOf('b'));
}

async function read(core: Core, letter: string): Promise<void> {
  const claim = { operationId: 'reader', kind: 'snapshot.restore', owner: core.processes.self };
  expect(await core.locks.tryAcquire([`snapshot:${fixture.idOf(letter)}#shared:reader`], claim)).toBeNull();
}

describe('snapshot delete', () => {
  it('is refused at once while one that stands on it is being restored', async () => {
    const core = fixture.core();
    await read(core, 'c');
    await expect(runToEnd(core, deleteSnapshot, request('b'))).rejects.toMatchObject({ code: 'SNAPSHOT_BUSY' });
    await expectUntouched();
    expect((await core.locks.list()).map(({ operationId }) => operationId)).toEqual(['reader']);
  });

  it('is refused at once while another host works on the volume', async () => {
    await fixture.snapshots.claim(CLAIM);
    await expect(runToEnd(fixture.core(), deleteSnapshot, request('b'))).rejects.toMatchObject({ code: 'VOLUME_BUSY' });
    expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toEqual(CLAIM);
    await fixture.snapshots.releaseClaim(SAMPLE_VOLUME, CLAIM.operationId);
    await expectUntouched();
  });

  it('is left to another host that took the claim away meanwhile', async () => {
    const faulty = makeFaulty(fixture.core().diskTool);
    faulty.before('commit', async () => {
      const own = await fixture.snapshots.readClaim(SAMPLE_VOLUME);
      if (own !== null) await fixture.snapshots.stealClaim(CLAIM, own);
    });
    const operation = await runToEnd(fixture.core({ diskTool: faulty.port }), deleteSnapshot, request('b'));
    expect(operation.error?.code).toBe('VOLUME_BUSY');
    expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toEqual(CLAIM);
    await fixture.snapshots.releaseClaim(SAMPLE_VOLUME, CLAIM.operationId);
    await expectUntouched();
  });

  it('leaves everything as it was where the store has no room for the merge', async () => {
    const core = fixture.core({}, { reserveBytes: Number.MAX_SAFE_INTEGER });
    const operation = await runToEnd(core, deleteSnapshot, request('b'));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'NO_SPACE' } });
    await expectUntouched();
    expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toBeNull();
  });

  it('needs no room for one that nobody stands on', async () => {
    const core = fixture.core({}, { reserveBytes: Number.MAX_SAFE_INTEGER });
    expect((await runToEnd(core, deleteSnapshot, request('c'))).error).toBeNull();
    expect(await fixture.letters()).toEqual(['a', 'b']);
  });

  it.each(['copy', 'commit', 'rebase', 'check', 'hash', 'update', 'moveIn'] as const)(
    'leaves everything as it was when the step fails: %s',
    async (step) => {
      const failure = new DarkroomError('STORE_WRITE_FAILED', 'broken');
      const core = fixture.core();
      const files = makeFaulty(core.files);
      const diskTool = makeFaulty(core.diskTool);
      const snapshots = makeFaulty(core.snapshots);
      if (step === 'copy' || step === 'hash') files.failOn(step, failure);
      else if (step === 'commit' || step === 'rebase' || step === 'check') diskTool.failOn(step, failure);
      else if (step === 'update') snapshots.failOn(step, failure);
      const port: Core['snapshots'] = {
        ...snapshots.port,
        draft: (snapshot, tag) => {
          const draft = core.snapshots.draft(snapshot, tag);
          return step === 'moveIn' ? { ...draft, moveIn: () => Promise.reject(failure) } : draft;
        },
        update: (record) => snapshots.port.update(record),
      };
      const faulty = { ...core, files: files.port, diskTool: diskTool.port, snapshots: port };
      const operation = await runToEnd(faulty, deleteSnapshot, request('b'));
      expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
      await expectUntouched();
      expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toBeNull();
      expect(await core.locks.list()).toEqual([]);
    },
  );

  it('removes nothing when the new file was thrown away before it got to its place', async () => {
    const core = fixture.core();
    const port: Core['snapshots'] = {
      ...core.snapshots,
      draft: (snapshot, tag) => {
        const draft = core.snapshots.draft(snapshot, tag);
        const moveIn = async () => {
          rmSync(draft.path);
          await draft.moveIn();
        };
        return { ...draft, moveIn };
      },
    };
    const operation = await runToEnd({ ...core, snapshots: port }, deleteSnapshot, request('b'));
    expect(operation.error?.code).toBe('STORE_WRITE_FAILED');
    await expectUntouched();
  });

  it('undoes itself when it is cancelled', async () => {
    const operation = await runCancelled(fixture.core(), deleteSnapshot, {
      request: request('b'),
      isTime: ({ step }) => step === 'merge',
    });
    expect(operation.status).toBe('cancelled');
    await expectUntouched();
  });

  it.each(['b', 'c'])('gives no damage a new checksum: a flipped byte in %s', async (letter) => {
    const file = fixture.fileOf(letter);
    const content = readFileSync(file);
    const at = content.length - 100;
    content.writeUInt8(content.readUInt8(at) ^ 1, at);
    chmodSync(file, 0o640);
    writeFileSync(file, content);
    const operation = await runToEnd(fixture.core(), deleteSnapshot, request('b'));
    expect(operation.error?.code).toBe('SNAPSHOT_DAMAGED');
    expect(await fixture.letters()).toEqual(['a', 'b', 'c']);
    expect((await fixture.record('c')).parent).toBe(fixture.idOf('b'));
  });

  it('merges nothing of one that failed a verify', async () => {
    await fixture.snapshots.update({ ...(await fixture.record('b')), status: 'error' });
    const operation = await runToEnd(fixture.core(), deleteSnapshot, request('b'));
    expect(operation.error?.code).toBe('SNAPSHOT_DAMAGED');
    expect((await fixture.record('c')).parent).toBe(fixture.idOf('b'));
  });

  it('keeps what one stands on whose record is broken', async () => {
    writeFileSync(fixture.fileOf('c').replace('.qcow2', '.json'), 'not a record');
    const operation = await runToEnd(fixture.core(), deleteSnapshot, request('b'));
    expect(operation.error).toBeNull();
    expect(await fixture.record('b')).toMatchObject({ isDeleted: true });
    expect(await fixture.changed(['b', 'c'])).toEqual([]);
  });

  it('hides one that a thin volume stands on, and frees it when that is gone', async () => {
    const path = fixture.path('thin.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-b', fixture.fileOf('c'), '-F', 'qcow2', path);
    const users = [{ host: 'host-a', path, since: '2026-11-21T00:00:00.000Z' }];
    await fixture.snapshots.update({ ...(await fixture.record('c')), users });
    const hidden = await runToEnd(fixture.core(), deleteSnapshot, request('b'));
    expect(hidden).toMatchObject({ error: null, result: { freedBytes: 0 } });
    expect(await fixture.record('b')).toMatchObject({ isDeleted: true });
    rmSync(path);
    const operation = await runToEnd(fixture.core(), deleteSnapshot, request('c'));
    expect(operation.error).toBeNull();
    expect(await fixture.letters()).toEqual(['a']);
    expect(await fixture.changed(['a'])).toEqual([]);
    expect(await fixture.leftovers()).toEqual([]);
  });
});
