import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { copySnapshot, recoverCopySnapshot } from '../../../src/operations/copy-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { createFakeStores } from '../../support/fake-stores.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import {
  type ChainFixture,
  contentOf,
  createChainFixture,
  listTree,
  putChain,
  putSnapshot,
  readSnapshot,
  TOP,
  unfinished,
  VOLUME,
} from './transfer-fixture.ts';

const CLIENT = { name: 'root', role: 'admin', isTrustedWithPaths: false } as const;

let fixture: ChainFixture;

beforeEach(() => {
  fixture = createChainFixture();
});

afterEach(() => fixture.dispose());

function copy(snapshot: string, options: { readonly store?: string; readonly core?: Core } = {}): Promise<Operation> {
  const { store = fixture.other, core = fixture.core() } = options;
  return runToEnd(core, copySnapshot, { kind: 'snapshot.copy', snapshot, store });
}

/** Files in the folder of the volume in the other store. */
function arrived(): readonly string[] {
  return listTree(path.join(fixture.other, 'snapshots', VOLUME));
}

describe('a copy to another store', () => {
  it('brings the whole chain, with its facts but for what is of this host', async () => {
    const checkpoint = 'darkroom-77777777-7777-4777-8777-777777777777';
    const [, b, c] = await putChain(fixture.snapshots, { owner: 'alice', checkpoint });
    const operation = await copy(c.id);
    expect(operation).toMatchObject({ status: 'succeeded', error: null, result: { snapshotId: c.id } });
    expect(readSnapshot(fixture.otherStore, c).equals(contentOf(TOP))).toBe(true);
    const { storedBytes: _, ...same } = c;
    expect(await fixture.otherStore.read(c.id)).toMatchObject({ ...same, parent: b.id, checkpoint: null });
    expect(await fixture.otherStore.readDomainXml(c)).toBe(await fixture.snapshots.readDomainXml(c));
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
    expect((await fixture.snapshots.list()).snapshots).toHaveLength(3);
  });

  it('skips what is there already', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await copy(b.id);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    await copy(c.id, { core: { ...core, files: faulty.port } });
    expect(faulty.calls.filter((call) => call === 'copy')).toHaveLength(1);
    expect((await copy(c.id)).error).toBeNull();
    expect((await fixture.otherStore.list()).snapshots.map(({ id }) => id)).toEqual([a.id, b.id, c.id]);
  });

  it('is not made to its own store, to no folder, or for clients of the agent', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await expectFailure(copy(c.id, { store: fixture.snapshots.rootPath }), 'INVALID_REQUEST');
    await expectFailure(copy(c.id, { store: path.join(fixture.root, 'nowhere') }), 'INVALID_REQUEST');
    await expectFailure(copy(c.id, { store: 'nobodys' }), 'STORE_NOT_FOUND');
    const core = fixture.core({ caller: CLIENT });
    for (const store of [fixture.folder, 's3://bucket']) {
      await expectFailure(copy(c.id, { core, store }), 'PATH_NOT_ALLOWED');
    }
  });

  it('is made for clients of the agent to a store that the configuration names', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const named = { default: { snapshots: fixture.snapshots }, backup: { snapshots: fixture.otherStore } };
    const core = fixture.core({ caller: CLIENT, stores: createFakeStores(named) });
    expect((await copy(c.id, { core, store: 'backup' })).error).toBeNull();
    expect((await fixture.otherStore.read(c.id)).id).toBe(c.id);
  });

  it('refuses a store that has another snapshot of the same id, or is just being changed', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await putSnapshot(fixture.otherStore, 'b', { record: { createdAt: '2024-01-01T00:00:00.000Z' } });
    expect((await copy(c.id)).error?.code).toBe('INVALID_REQUEST');
    const since = '2025-01-01T00:00:00.000Z';
    const claim = { volume: VOLUME, host: 'host-a', operationId: VOLUME, kind: 'snapshot.create', since };
    await fixture.otherStore.claim(claim);
    expect((await copy(c.id)).error?.code).toBe('VOLUME_BUSY');
    expect(await fixture.otherStore.readClaim(VOLUME)).toEqual(claim);
  });

  it('notices damage in either store', async () => {
    const [, b, c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.before('hash', (file) => {
      if (String(file).includes(fixture.other)) writeFileSync(String(file), 'x', { flag: 'a' });
    });
    const lost = await copy(c.id, { core: { ...core, files: faulty.port } });
    expect(lost.error?.code).toBe('COPY_FAILED');
    await fixture.snapshots.update({ ...b, sha256: 'a'.repeat(64) });
    expect((await copy(c.id)).error).toMatchObject({ code: 'SNAPSHOT_DAMAGED' });
    expect(arrived()).toEqual([]);
  });

  it.each(['copy', 'hash'] as const)('leaves nothing when it fails at %s', async (method) => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.failOn(method, new DarkroomError('NO_SPACE', 'full'));
    const operation = await copy(c.id, { core: { ...core, files: faulty.port } });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'STORE_WRITE_FAILED' } });
    expect(arrived()).toEqual([]);
  });

  it('leaves nothing when it is cancelled', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core({}, { copyBandwidthBytesPerSecond: 200_000 });
    const request = { kind: 'snapshot.copy', snapshot: c.id, store: fixture.other } as const;
    const operation = await runCancelled(core, copySnapshot, { request, isTime: ({ step }) => step === 'copy' });
    expect(operation.status).toBe('cancelled');
    expect(arrived()).toEqual([]);
  });

  it('is put right after its process died, however often', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const operation = await copy(b.id);
    await fixture.otherStore.draft(c, operation.id).discard();
    writeFileSync(fixture.otherStore.draft(c, operation.id).path, 'half');
    const plan = { version: 1, volume: VOLUME, ids: [a.id, b.id, c.id], location: fixture.other };
    await recoverCopySnapshot(core, unfinished(core, operation, plan));
    await recoverCopySnapshot(core, unfinished(core, operation, plan));
    expect(arrived()).toEqual([]);
  });
});
