import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import type { Operation } from '../../../src/model/operation.ts';
import { exportSnapshot, recoverExportSnapshot } from '../../../src/operations/export-snapshot.ts';
import { importSnapshot, recoverImportSnapshot } from '../../../src/operations/import-snapshot.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { verifySnapshot } from '../../../src/operations/verify-snapshot.ts';
import { expectFailure } from '../../support/expect-failure.ts';
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
  run,
  TOP,
  unfinished,
  VOLUME,
} from './transfer-fixture.ts';

const BOB = { name: 'bob', role: 'operator' as const, isTrustedWithPaths: true };
const MANIFEST = 'darkroom-snapshots.json';

let fixture: ChainFixture;

beforeEach(() => {
  fixture = createChainFixture();
});

afterEach(() => fixture.dispose());

function exportTo(target: string, snapshot: string, core?: Core): Promise<Operation> {
  return runToEnd(core ?? fixture.core(), exportSnapshot, { kind: 'snapshot.export', snapshot, path: target });
}

/** Into the other store, unless another core is stated. */
function importFrom(source: string, core: Core = elsewhere()): Promise<Operation> {
  return runToEnd(core, importSnapshot, { kind: 'snapshot.import', path: source });
}

function elsewhere(parts: Partial<Omit<Core, 'settings'>> = {}): Core {
  return fixture.core({ snapshots: fixture.otherStore, ...parts });
}

/** What is in the folder of the volume in the other store, but for the lock and such. */
function arrived(): readonly string[] {
  return listTree(path.join(fixture.other, 'snapshots')).filter((name) => /^[^/]*\/.*[^k]$/.test(name));
}

/** An archive that somebody else made: unpacked, changed, packed again, with the sums of its manifest made right. */
function forge(source: string, change: (folder: string, manifest: ForgedManifest) => void): string {
  const folder = fixture.path('forged');
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-C', folder, '-xf', source]);
  const manifest = JSON.parse(readFileSync(path.join(folder, MANIFEST), 'utf8')) as ForgedManifest;
  change(folder, manifest);
  for (const snapshot of manifest.snapshots) {
    const content = readFileSync(path.join(folder, `${snapshot.id}.qcow2`));
    snapshot['sizeBytes'] ??= content.length;
    snapshot['sha256'] ??= createHash('sha256').update(content).digest('hex');
  }
  writeFileSync(path.join(folder, MANIFEST), JSON.stringify(manifest));
  const names = manifest.snapshots.flatMap(({ id, domainXml }) => [`${id}.qcow2`, ...(domainXml ? [`${id}.xml`] : [])]);
  execFileSync('tar', ['-C', folder, '--format=ustar', '-cf', `${folder}.tar`, MANIFEST, ...names]);
  return `${folder}.tar`;
}

interface ForgedManifest {
  snapshots: (Record<string, unknown> & { id: string; domainXml: unknown })[];
}

function firstOf(manifest: ForgedManifest): ForgedManifest['snapshots'][number] {
  const [first] = manifest.snapshots;
  if (first === undefined) throw new Error('nothing in it');
  return first;
}

describe('a chain in one file', () => {
  it('is a tar file that anybody can open, for the caller alone, with what describes it first', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    const target = fixture.path('chain.tar');
    const operation = await exportTo(target, c.id);
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
    await exportTo(target, c.id);
    const operation = await importFrom(target, elsewhere({ caller: BOB }));
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
    const verified = await runToEnd(elsewhere(), verifySnapshot, {
      kind: 'snapshot.verify',
      snapshot: c.id,
      isDeep: false,
    });
    expect(verified.error).toBeNull();
  });

  it('brings only what is not there yet', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('b.tar'), b.id);
    await exportTo(fixture.path('c.tar'), c.id);
    await importFrom(fixture.path('b.tar'));
    const operation = await importFrom(fixture.path('c.tar'));
    expect(operation.result.snapshotIds).toEqual([c.id]);
    expect(operation.warnings.join()).toContain('2 of its snapshots were there already');
    expect((await importFrom(fixture.path('c.tar'))).result.snapshotIds).toEqual([]);
    expect((await fixture.otherStore.list()).snapshots.map(({ id }) => id)).toEqual([a.id, b.id, c.id]);
    expect(readSnapshot(fixture.otherStore, c).equals(contentOf(TOP))).toBe(true);
  });

  it('keeps hidden what was hidden, and takes of it what is needed', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...b, isDeleted: true });
    await exportTo(fixture.path('c.tar'), c.id);
    const operation = await importFrom(fixture.path('c.tar'));
    expect(operation.result.snapshotIds).toEqual([a.id, c.id]);
    const { snapshots } = await fixture.otherStore.list();
    expect(snapshots.map(({ isDeleted }) => isDeleted)).toEqual([false, true, false]);
  });

  it('travels encrypted as it lies in the store', async () => {
    const [, , c] = await putChain(fixture.snapshots, { isEncrypted: true });
    await exportTo(fixture.path('chain.tar'), c.id);
    const operation = await importFrom(fixture.path('chain.tar'));
    expect(operation.error).toBeNull();
    expect((await fixture.otherStore.read(c.id)).isEncrypted).toBe(true);
  });

  it('tells whom it is shared with nothing of the machine or of others’ snapshots', async () => {
    const [a, b] = await putChain(fixture.snapshots, { owner: 'alice', description: 'secret plans' });
    const shares = [{ principal: 'bob', expiresAt: null }];
    await fixture.snapshots.update({ ...b, shares });
    await exportTo(fixture.path('b.tar'), b.id, fixture.core({ caller: BOB }));
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
    await expectFailure(exportTo(fixture.path('taken'), c.id), 'NAME_TAKEN');
    const full = await exportTo(fixture.path('out'), c.id, fixture.core({}, { reserveBytes: 1e18 }));
    expect(full.error?.code).toBe('NO_SPACE');
    expect(listTree(fixture.folder)).toEqual(['taken']);
  });

  it('notices that the store does not hold what its record says', async () => {
    const [, b, c] = await putChain(fixture.snapshots);
    await fixture.snapshots.update({ ...b, sha256: 'a'.repeat(64) });
    const operation = await exportTo(fixture.path('out'), c.id);
    expect(operation.error).toMatchObject({ code: 'SNAPSHOT_DAMAGED', message: expect.stringContaining(b.id) });
    await fixture.snapshots.update({ ...b, status: 'error' });
    await expectFailure(exportTo(fixture.path('out'), c.id), 'SNAPSHOT_DAMAGED');
    await fixture.snapshots.update({ ...b, sizeBytes: b.sizeBytes - 512 });
    expect((await exportTo(fixture.path('out'), c.id)).error?.code).toBe('COPY_FAILED');
    expect(listTree(fixture.folder)).toEqual([]);
  });

  it.each(['hash', 'rename', 'sync'] as const)('leaves nothing when it fails at %s', async (method) => {
    const [, , c] = await putChain(fixture.snapshots);
    const core = fixture.core();
    const faulty = makeFaulty(core.files);
    faulty.failOn(method, new DarkroomError('NO_SPACE', 'full'));
    const operation = await exportTo(fixture.path('out'), c.id, { ...core, files: faulty.port });
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

describe('an import', () => {
  it('refuses what is no such file', async () => {
    const files: readonly (readonly [string, string | Buffer])[] = [
      ['empty', ''],
      ['text', 'hello\n'.repeat(1000)],
      ['zeroes', Buffer.alloc(1024 * 1024)],
    ];
    for (const [name, content] of files) {
      writeFileSync(fixture.path(name), content);
      await expectFailure(importFrom(fixture.path(name)), 'SNAPSHOT_REJECTED');
    }
    await expectFailure(importFrom(fixture.path('absent')), 'SNAPSHOT_REJECTED');
    await expectFailure(importFrom(fixture.folder), 'SNAPSHOT_REJECTED');
    expect(arrived()).toEqual([]);
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
    const failure = await expectFailure(importFrom(fixture.path('bomb')), 'SNAPSHOT_REJECTED');
    expect(failure.message).toContain('too long');
  });

  it('refuses a file that is cut off or changed, and leaves nothing', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const content = readFileSync(fixture.path('chain.tar'));
    writeFileSync(fixture.path('short.tar'), content.subarray(0, content.length - 300_000));
    const changed = Buffer.from(content);
    changed[content.length - 400_000] = (changed[content.length - 400_000] ?? 0) ^ 1;
    writeFileSync(fixture.path('changed.tar'), changed);
    for (const name of ['short.tar', 'changed.tar']) {
      const operation = await importFrom(fixture.path(name));
      expect(operation.error?.code, `${name}: ${operation.error?.message}`).toBe('SNAPSHOT_REJECTED');
      expect(arrived(), name).toEqual([]);
      expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
    }
  });

  type Forgery = (folder: string, manifest: ForgedManifest) => void;
  const disk = (folder: string, { id }: { id: string }): string => path.join(folder, `${id}.qcow2`);
  const anew = (entry: Record<string, unknown>): void => {
    delete entry['sizeBytes'];
    delete entry['sha256'];
  };
  const rebase = (backing: string, format: string): Forgery => {
    return (folder, manifest) => {
      const first = firstOf(manifest);
      run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', backing, '-F', format, disk(folder, first));
      anew(first);
    };
  };
  const forgeries: readonly (readonly [string, Forgery])[] = [
    ['a backing file of the host', rebase('/etc/passwd', 'raw')],
    ['a backing file by a protocol', rebase('json:{"driver":"file","filename":"/etc/passwd"}', 'raw')],
    [
      'a parent to be read as raw',
      (folder, manifest) => {
        const [first, second] = manifest.snapshots;
        if (first === undefined || second === undefined) throw new Error('too few');
        run('qemu-img', 'rebase', '-u', '-f', 'qcow2', '-b', `${first.id}.qcow2`, '-F', 'raw', disk(folder, second));
        anew(second);
      },
    ],
    [
      'an external data file',
      (folder, manifest) => {
        const first = firstOf(manifest);
        const options = `data_file=${path.join(folder, 'data')},data_file_raw=on`;
        run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, disk(folder, first), '8M');
        anew(first);
      },
    ],
    [
      'another virtual size',
      (folder, manifest) => {
        const first = firstOf(manifest);
        run('qemu-img', 'resize', '-q', '-f', 'qcow2', disk(folder, first), '16M');
        anew(first);
      },
    ],
    [
      'an internal snapshot',
      (folder, manifest) => {
        const first = firstOf(manifest);
        run('qemu-img', 'snapshot', '-c', 'inner', disk(folder, first));
        anew(first);
      },
    ],
    [
      'a disk that is said to be encrypted',
      (_folder, manifest) => {
        for (const snapshot of manifest.snapshots) snapshot['isEncrypted'] = true;
      },
    ],
    [
      'a broken disk',
      (folder, manifest) => {
        const first = firstOf(manifest);
        const content = readFileSync(disk(folder, first));
        // the refcount table leads nowhere
        content.writeBigUInt64BE(BigInt(content.length * 16), 48);
        writeFileSync(disk(folder, first), content);
        anew(first);
      },
    ],
    ['a field that is unknown', (_folder, manifest) => void Object.assign(firstOf(manifest), { pending: null })],
    ['an id that is a path', (_folder, manifest) => void Object.assign(firstOf(manifest), { parent: '../../etc' })],
    [
      'the volume of another instance',
      (_folder, manifest) => {
        for (const snapshot of manifest.snapshots) snapshot['instance'] = '99999999-9999-4999-8999-999999999999';
      },
    ],
    [
      'a time to come',
      (_folder, manifest) => void Object.assign(firstOf(manifest), { headAt: '2999-01-01T00:00:00.000Z' }),
    ],
    ['a snapshot that is missing', (_folder, manifest) => void manifest.snapshots.shift()],
    ['a snapshot twice', (_folder, manifest) => void manifest.snapshots.push(firstOf(manifest))],
    [
      'a machine that declares entities',
      (folder, manifest) => {
        const first = firstOf(manifest);
        const text = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><domain type="qemu">&b;</domain>';
        writeFileSync(path.join(folder, `${first.id}.xml`), text);
        const sha256 = createHash('sha256').update(text).digest('hex');
        first.domainXml = { sizeBytes: text.length, sha256 };
      },
    ],
  ];

  it.each(forgeries)('refuses %s, before anything of it is published', async (_what, change) => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const forged = forge(fixture.path('chain.tar'), change);
    const outcome = await importFrom(forged).then(
      ({ error }) => error,
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: 'SNAPSHOT_REJECTED' });
    expect(arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
  });

  it('takes what was only packed again', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const forged = forge(fixture.path('chain.tar'), () => undefined);
    expect((await importFrom(forged)).error).toBeNull();
  });

  it('lets nobody read what is another’s by a chain that is said to stand on it', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    await putSnapshot(fixture.otherStore, 'a', { writes: { 0: 9 }, record: { owner: 'alice' } });
    const operation = await importFrom(fixture.path('chain.tar'), elsewhere({ caller: BOB }));
    expect(operation.error?.code).toBe('SNAPSHOT_REJECTED');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(1);
  });

  it('refuses a snapshot of the same id that is another', async () => {
    const [a, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const createdAt = '2024-01-01T00:00:00.000Z';
    await putSnapshot(fixture.otherStore, 'a', { record: { createdAt } });
    const operation = await importFrom(fixture.path('chain.tar'));
    expect(operation.error).toMatchObject({ code: 'SNAPSHOT_REJECTED', message: expect.stringContaining(a.id) });
    expect((await fixture.otherStore.list()).snapshots).toMatchObject([{ createdAt }]);
  });

  it.each(['publish', 'list', 'claim'] as const)('leaves nothing when it fails at %s', async (method) => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const faulty = makeFaulty(fixture.otherStore);
    const gone = new DarkroomError('STORE_WRITE_FAILED', 'gone');
    let published = 0;
    faulty.before('publish', () => {
      if (++published === 2) throw gone;
    });
    if (method !== 'publish') faulty.failOn(method, gone);
    const operation = await importFrom(fixture.path('chain.tar'), elsewhere({ snapshots: faulty.port }));
    expect(operation.error?.code).toBe('STORE_WRITE_FAILED');
    expect(arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
  });

  it('is put right after its process died: nothing of it, or all', async () => {
    const [a, b, c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    // died after the second record
    const faulty = makeFaulty(fixture.otherStore);
    let published = 0;
    faulty.before('publish', () => {
      if (++published === 3) throw new DarkroomError('INTERNAL', 'killed');
    });
    for (const method of ['remove', 'discardDrafts'] as const) {
      faulty.failOn(method, new DarkroomError('INTERNAL', 'killed'), { times: 99 });
    }
    const core = elsewhere({ snapshots: faulty.port });
    const operation = await importFrom(fixture.path('chain.tar'), core);
    expect(operation.status).toBe('interrupted');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(2);
    const { plan } = await core.journal.read(operation.id);
    await recoverImportSnapshot(elsewhere(), unfinished(core, operation, plan));
    expect(arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();

    const again = await importFrom(fixture.path('chain.tar'));
    expect(again.error).toBeNull();
    const whole = { version: 1, volume: VOLUME, ids: [a.id, b.id, c.id], location: null };
    const notes = await recoverImportSnapshot(elsewhere(), unfinished(core, again, whole));
    expect(notes.join()).toContain('kept');
    expect((await fixture.otherStore.list()).snapshots).toHaveLength(3);
  });

  it('is refused beyond the quota of the caller', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const quota = { maxImages: null, maxImageBytes: null, maxSnapshots: 2, maxSnapshotBytes: null };
    const operation = await importFrom(
      fixture.path('chain.tar'),
      fixture.core({ snapshots: fixture.otherStore }, { quota }),
    );
    expect(operation.error?.code).toBe('QUOTA_EXCEEDED');
    expect(arrived()).toEqual([]);
  });

  it('reads in configured folders only for clients of the agent', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await exportTo(fixture.path('chain.tar'), c.id);
    const allowed = path.join(fixture.root, 'transfer');
    mkdirSync(allowed);
    symlinkSync(fixture.path('chain.tar'), path.join(allowed, 'link.tar'));
    const caller = { name: 'root', role: 'admin' as const, isTrustedWithPaths: false };
    const core = fixture.core({ snapshots: fixture.otherStore, caller }, { transferDirs: [allowed] });
    await expectFailure(importFrom(fixture.path('chain.tar'), core), 'PATH_NOT_ALLOWED');
    await expectFailure(importFrom(path.join(allowed, 'link.tar'), core), 'PATH_NOT_ALLOWED');
    await expectFailure(exportTo(fixture.path('out'), c.id, fixture.core({ caller })), 'PATH_NOT_ALLOWED');
  });
});
