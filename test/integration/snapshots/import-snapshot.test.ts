import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { recoverImportSnapshot } from '../../../src/operations/import-snapshot.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { type ArchiveFixture, BOB, createArchiveFixture } from './archive-fixture.ts';
import { putChain, putSnapshot, unfinished, VOLUME } from './transfer-fixture.ts';

let fixture: ArchiveFixture;

beforeEach(() => {
  fixture = createArchiveFixture();
});

afterEach(() => fixture.dispose());

describe('an import', () => {
  it('refuses what is no such file', async () => {
    const files: readonly (readonly [string, string | Buffer])[] = [
      ['empty', ''],
      ['text', 'hello\n'.repeat(1000)],
      ['zeroes', Buffer.alloc(1024 * 1024)],
    ];
    for (const [name, content] of files) {
      writeFileSync(fixture.path(name), content);
      await expectFailure(fixture.importFrom(fixture.path(name)), 'SNAPSHOT_REJECTED');
    }
    await expectFailure(fixture.importFrom(fixture.path('absent')), 'SNAPSHOT_REJECTED');
    await expectFailure(fixture.importFrom(fixture.folder), 'SNAPSHOT_REJECTED');
    expect(fixture.arrived()).toEqual([]);
  });

  it('refuses a header that claims a name of gigabytes', async () => {
    writeFileSync(fixture.path('long'), `${'n'.repeat(100)}`);
    execFileSync('truncate', ['-s', '300M', fixture.path('long')]);
    // an extended header of 300 MB: type x
    const header = Buffer.alloc(512);
    header.write('././@PaxHeader', 0);
    header.write('0000600\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${(300 * 1024 ** 2).toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write('x', 156);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    writeFileSync(fixture.path('bomb'), header);
    execFileSync('sh', ['-c', `cat ${fixture.path('long')} >> ${fixture.path('bomb')}`]);
    const failure = await expectFailure(fixture.importFrom(fixture.path('bomb')), 'SNAPSHOT_REJECTED');
    expect(failure.message).toContain('too long');
  });

  it('refuses a file that is cut off or changed, and leaves nothing', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const content = readFileSync(fixture.path('chain.tar'));
    writeFileSync(fixture.path('short.tar'), content.subarray(0, content.length - 300_000));
    const changed = Buffer.from(content);
    changed[content.length - 400_000] = (changed[content.length - 400_000] ?? 0) ^ 1;
    writeFileSync(fixture.path('changed.tar'), changed);
    for (const name of ['short.tar', 'changed.tar']) {
      const operation = await fixture.importFrom(fixture.path(name));
      expect(operation.error?.code, `${name}: ${operation.error?.message}`).toBe('SNAPSHOT_REJECTED');
      expect(fixture.arrived(), name).toEqual([]);
      expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
    }
  });

  it('lets nobody read what is another’s by a chain that is said to stand on it', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    await putSnapshot(fixture.otherStore, 'a', { writes: { 0: 9 }, record: { owner: 'alice' } });
    const operation = await fixture.importFrom(fixture.path('chain.tar'), fixture.elsewhere({ caller: BOB }));
    expect(operation.error?.code).toBe('SNAPSHOT_REJECTED');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(1);
  });

  it('refuses a snapshot of the same id that is another', async () => {
    const [a, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const createdAt = '2024-01-01T00:00:00.000Z';
    await putSnapshot(fixture.otherStore, 'a', { record: { createdAt } });
    const operation = await fixture.importFrom(fixture.path('chain.tar'));
    expect(operation.error).toMatchObject({ code: 'SNAPSHOT_REJECTED', message: expect.stringContaining(a.id) });
    expect((await fixture.otherStore.list()).snapshots).toMatchObject([{ createdAt }]);
  });

  it.each(['publish', 'list', 'claim'] as const)('leaves nothing when it fails at %s', async (method) => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const faulty = makeFaulty(fixture.otherStore);
    const gone = new DarkroomError('STORE_WRITE_FAILED', 'gone');
    let published = 0;
    faulty.before('publish', () => {
      if (++published === 2) throw gone;
    });
    if (method !== 'publish') faulty.failOn(method, gone);
    const operation = await fixture.importFrom(
      fixture.path('chain.tar'),
      fixture.elsewhere({ snapshots: faulty.port }),
    );
    expect(operation.error?.code).toBe('STORE_WRITE_FAILED');
    expect(fixture.arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
  });

  it('is put right after its process died: nothing of it, or all', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    // died after the second record
    const faulty = makeFaulty(fixture.otherStore);
    let published = 0;
    faulty.before('publish', () => {
      if (++published === 3) throw new DarkroomError('INTERNAL', 'killed');
    });
    for (const method of ['remove', 'discardDrafts'] as const) {
      faulty.failOn(method, new DarkroomError('INTERNAL', 'killed'), { times: 99 });
    }
    const core = fixture.elsewhere({ snapshots: faulty.port });
    const operation = await fixture.importFrom(fixture.path('chain.tar'), core);
    expect(operation.status).toBe('interrupted');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(2);
    const { plan } = await core.journal.read(operation.id);
    await recoverImportSnapshot(fixture.elsewhere(), unfinished(core, operation, plan));
    expect(fixture.arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();

    const again = await fixture.importFrom(fixture.path('chain.tar'));
    expect(again.error).toBeNull();
    const whole = { version: 1, volume: VOLUME, ids: [a.id, b.id, c.id], location: null };
    const notes = await recoverImportSnapshot(fixture.elsewhere(), unfinished(core, again, whole));
    expect(notes.join()).toContain('kept');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(3);
  });

  it('is refused beyond the quota of the caller', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const quota = { maxImages: null, maxImageBytes: null, maxSnapshots: 2, maxSnapshotBytes: null };
    const operation = await fixture.importFrom(
      fixture.path('chain.tar'),
      fixture.core({ snapshots: fixture.otherStore }, { quota }),
    );
    expect(operation.error?.code).toBe('QUOTA_EXCEEDED');
    expect(fixture.arrived()).toEqual([]);
  });

  it('reads in configured folders only for clients of the agent', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const allowed = path.join(fixture.root, 'transfer');
    mkdirSync(allowed);
    symlinkSync(fixture.path('chain.tar'), path.join(allowed, 'link.tar'));
    const caller = { name: 'root', role: 'admin' as const, isTrustedWithPaths: false };
    const core = fixture.core({ snapshots: fixture.otherStore, caller }, { transferDirs: [allowed] });
    await expectFailure(fixture.importFrom(fixture.path('chain.tar'), core), 'PATH_NOT_ALLOWED');
    await expectFailure(fixture.importFrom(path.join(allowed, 'link.tar'), core), 'PATH_NOT_ALLOWED');
    await expectFailure(fixture.exportTo(fixture.path('out'), c.id, fixture.core({ caller })), 'PATH_NOT_ALLOWED');
  });
});
