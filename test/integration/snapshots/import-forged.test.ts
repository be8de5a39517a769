import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArchiveFixture, createArchiveFixture, MANIFEST } from './archive-fixture.ts';
import { putChain, run, VOLUME } from './transfer-fixture.ts';

let fixture: ArchiveFixture;

beforeEach(() => {
  fixture = createArchiveFixture();
});

afterEach(() => fixture.dispose());

/** An archive that somebody else made: unpacked, changed, packed again, with the sums of its manifest made right. */
function forge(source: string, change: Forgery): string {
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

type Forgery = (folder: string, manifest: ForgedManifest) => void;

interface ForgedManifest {
  snapshots: (Record<string, unknown> & { id: string; domainXml: unknown })[];
}

function firstOf(manifest: ForgedManifest): ForgedManifest['snapshots'][number] {
  const [first] = manifest.snapshots;
  if (first === undefined) throw new Error('nothing in it');
  return first;
}

const disk = (folder: string, { id }: { id: string }): string => path.join(folder, `${id}.qcow2`);
/** Its length and sum are to be stated as they are now. */
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

describe('an import', () => {
  it.each(forgeries)('refuses %s, before anything of it is published', async (_what, change) => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const forged = forge(fixture.path('chain.tar'), change);
    const outcome = await fixture.importFrom(forged).then(
      ({ error }) => error,
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: 'SNAPSHOT_REJECTED' });
    expect(fixture.arrived()).toEqual([]);
    expect(await fixture.otherStore.readClaim(VOLUME)).toBeNull();
  });

  it('takes what was only packed again', async () => {
    const [, , c] = await putChain(fixture.snapshots);
    await fixture.exportTo(fixture.path('chain.tar'), c.id);
    const forged = forge(fixture.path('chain.tar'), () => undefined);
    expect((await fixture.importFrom(forged)).error).toBeNull();
  });
});
