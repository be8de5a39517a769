import { statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { exportSnapshot, recoverExportSnapshot } from '../../../src/operations/export-snapshot.ts';
import { verifySnapshot } from '../../../src/operations/verify-snapshot.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runCancelled, runToEnd } from '../../support/image-core.ts';
import { type ArchiveFixture, BOB, createArchiveFixture, MANIFEST } from './archive-fixture.ts';
import { contentOf, listTree, putChain, readSnapshot, run, TOP, unfinished, VOLUME } from './transfer-fixture.ts';

let fixture: ArchiveFixture;

beforeEach(() => {
  fixture = createArchiveFixture();
});

afterEach(() => fixture.dispose());

describe('a chain in one file', () => {
  it('is a tar file that anybody can open, for the caller alone, with what describes it first', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    const target = fixture.path('chain.tar');
    const operation = await fixture.exportTo(target, c.id);
    expect(operation).toMatchObject({ status: 'succeeded', error: null, result: { snapshotId: c.id } });
    expect(operation.warnings.join()).toContain('secrets');
    expect(statSync(target).mode & 0o777).toBe(0o600);
    expect(run('tar', '-tf', target).trim().split('\n')).toEqual([
      MANIFEST,
      ...[a, b, c].flatMap(({ id }) => [`${id}.qcow2`, `${id}.xml`]),
    ]);
    run('tar', '-C', fixture.folder, '-xf', target);
    const content = run('sha256sum', fixture.path(`${b.id}.qcow2`));
    expect(content).toContain(b.sha256);
    expect(listTree(fixture.folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('comes back in another store, whole, as the caller’s own', async () => {
    const [a, b, c] = await putChain(fixture.snapshots, { owner: null, description: 'before the upgrade' });
    const target = fixture.path('chain.tar');
    await fixture.exportTo(target, c.id);
    const operation = await fixture.importFrom(target, fixture.elsewhere({ caller: BOB }));
    expect(operation).toMatchObject({ status: 'succeeded', error: null });
    expect(operation.result).toEqual({ snapshotId: c.id, snapshotIds: [a.id, b.id, c.id] });
    expect(readSnapshot(fixture.otherStore, c).equals(contentOf(TOP))).toBe(true);
    const { snapshots, broken } = await fixture.otherStore.list();
    expect(broken).toEqual([]);
    const { storedBytes: _, ...same } = c;
    expect(snapshots.find(({ id }) => id === c.id)).toMatchObject({ ...same, owner: 'bob', parent: b.id });
    expect(await fixture.otherStore.readDomainXml(c)).toContain('<name>web</name>');
    expect(await fixture.otherStore.readDomainXml(c)).not.toContain('/nowhere/disk');
    expect(statSync(fixture.otherStore.filePath(c)).mode & 0o777).toBe(0o440);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
    const verified = await runToEnd(fixture.elsewhere(), verifySnapshot, {
      kind: 'snapshot.verify',
      snapshot: c.id,
      isDeep: false,
    });
    expect(verified.error).toBeNull();
  });

  it('brings only what is not there yet', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('b.tar'), b.id);
    await fixture.exportTo(fixture.path('c.tar'), c.id);
    await fixture.importFrom(fixture.path('b.tar'));
    const operation = await fixture.importFrom(fixture.path('c.tar'));
    expect(operation.result.snapshotIds).toEqual([c.id]);
    expect(operation.warnings.join()).toContain('2 of its snapshots were there already');
    expect((await fixture.importFrom(fixture.path('c.tar'))).result.snapshotIds).toEqual([]);
    expect((await fixture.otherStore.list()).snapshots.map(({ id }) => id)).toEqual([a.id, b.id, c.id]);
    expect(readSnapshot(fixture.otherStore, c).equals(contentOf(TOP))).toBe(true);
  });

  it('keeps hidden what was hidden, and takes of it what is needed', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...b, isDeleted: true });
    await fixture.exportTo(fixture.path('c.tar'), c.id);
    const operation = await fixture.importFrom(fixture.path('c.tar'));
    expect(operation.result.snapshotIds).toEqual([a.id, c.id]);
    const { snapshots } = await fixture.otherStore.list();
    expect(snapshots.map(({ isDeleted }) => isDeleted)).toEqual([false, true, false]);
  });

  it('travels encrypted as it lies in the store', async () => {
    const [, , c] = await putChain(fixture.snapshots, { isEncrypted: true });
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const operation = await fixture.importFrom(fixture.path('chain.tar'));
    expect(operation.error).toBeNull();
    expect((await fixture.otherStore.read(c.id)).isEncrypted).toBe(true);
  });

  it('tells whom it is shared with nothing of the machine or of others’ snapshots', async () => {
    const [a, b] = await putChain(fixture.snapshots, { owner: 'alice', description: 'secret plans' });
    const shares = [{ principal: 'bob', expiresAt: null }];
    await fixture.snapshots.update({ ...b, shares });
    await fixture.exportTo(fixture.path('b.tar'), b.id, fixture.core({ caller: BOB }));
    const text = run('tar', '-xOf', fixture.path('b.tar'), MANIFEST);
    expect(text).not.toMatch(/alice|bob/);
    expect(JSON.parse(text).snapshots).toMatchObject([
      { id: a.id, description: null, isDeleted: true, domainXml: null },
      { id: b.id, description: 'secret plans', isDeleted: false, domainXml: null },
    ]);
  });
});

describe('an export that cannot be', () => {
  it('overwrites nothing, and writes nothing where there is no room', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    writeFileSync(fixture.path('taken'), 'precious');
    await expectFailure(fixture.exportTo(fixture.path('taken'), c.id), 'NAME_TAKEN');
    const full = await fixture.exportTo(fixture.path('out'), c.id, fixture.core({}, { reserveBytes: 1e18 }));
    expect(full.error?.code).toBe('NO_SPACE');
    expect(listTree(fixture.folder)).toEqual(['taken']);
  });

  it('notices that the store does not hold what its record says', async () => {
    const [, b, c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...b, sha256: 'a'.repeat(64) });
    const operation = await fixture.exportTo(fixture.path('out'), c.id);
    expect(operation.error).toMatchObject({ code: 'SNAPSHOT_DAMAGED', message: expect.stringContaining(b.id) });
    await fixture.snapshots.update({ ...b, status: 'error' });
    await expectFailure(fixture.exportTo(fixture.path('out'), c.id), 'SNAPSHOT_DAMAGED');
    await fixture.snapshots.update({ ...b, sizeBytes: b.sizeBytes - 512 });
    expect((await fixture.exportTo(fixture.path('out'), c.id)).error?.code).toBe('COPY_FAILED');
    expect(listTree(fixture.folder)).toEqual([]);
  });

  it.each(['hash', 'rename', 'sync'] as const)('leaves nothing when it fails at %s', async (method) => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.failOn(method, new DarkroomError('NO_SPACE', 'full'));
    const operation = await fixture.exportTo(fixture.path('out'), c.id, { ...core, files: faulty.port });
    expect(operation.error?.code).toBe('STORE_WRITE_FAILED');
    // what has its name already is whole
    expect(listTree(fixture.folder)).toEqual(method === 'sync' ? ['out'] : []);
  });

  it('leaves nothing when it is cancelled, nor after the next start when its process died', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core({}, { copyBandwidthBytesPerSecond: 200_000 });
    const request = { kind: 'snapshot.export', snapshot: c.id, path: fixture.path('out') } as const;
    const operation = await runCancelled(core, exportSnapshot, { request, isTime: ({ step }) => step === 'write' });
    expect(operation.status).toBe('cancelled');
    expect(listTree(fixture.folder)).toEqual([]);
    writeFileSync(fixture.path('.out.partial'), 'half');
    const plan = { version: 1, temporaryPath: fixture.path('.out.partial') };
    await recoverExportSnapshot(core, unfinished(core, operation, plan));
    expect(listTree(fixture.folder)).toEqual([]);
  });
});
