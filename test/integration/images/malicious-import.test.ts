import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Operation } from '../../../src/model/operation.ts';
import type { ImportImageRequest } from '../../../src/model/requests.ts';
import { importImage } from '../../../src/operations/import-image.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeFaulty } from '../../support/faulty.ts';
import { runToEnd } from '../../support/image-core.ts';
import {
  createImageFixture,
  diskContent,
  type ImageFixture,
  importRequest,
  qemuImg,
  readContent,
  writeRawDisk,
} from './image-fixture.ts';

/** A file of the host that no import may read. */
const SECRET = 'root:$6$not-for-guests:19000:0:99999:7:::';
let fixture: ImageFixture;
let secret: string;

beforeEach(() => {
  fixture = createImageFixture();
  secret = fixture.path('shadow');
  writeFileSync(secret, SECRET.padEnd(1024 ** 2, '.'));
  chmodSync(secret, 0o600);
});

afterEach(() => fixture.dispose());

/** Imports it, expects a refusal, and looks whether anything is left. */
async function refuse(source: string, changes: Partial<ImportImageRequest> = {}): Promise<Operation> {
  const operation = await runToEnd(fixture.core(), importImage, importRequest(source, changes));
  expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_REJECTED' } });
  expect(operation.error?.message).toContain(source);
  expect(operation.error?.message).not.toContain('/proc/');
  expect((await fixture.store.listImages()).images).toEqual([]);
  expect(await fixture.drafts()).toEqual([]);
  return operation;
}

/** A qcow2 of 4 MiB with content. */
function makeQcow2(name = 'disk.qcow2', options: readonly string[] = []): string {
  const file = fixture.path(name);
  qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, writeRawDisk(fixture.path('content.raw')), file);
  return file;
}

function patch(file: string, offset: number, bytes: Buffer): string {
  const content = readFileSync(file);
  bytes.copy(content, offset);
  writeFileSync(file, content);
  return file;
}

describe('a qcow2 is refused', () => {
  it.each([
    ['a backing file of the host', (name: string) => name],
    [
      'a backing file by a json: name',
      (name: string) => `json:{"driver":"raw","file":{"driver":"file","filename":"${name}"}}`,
    ],
    ['a backing file by a protocol', () => 'nbd://127.0.0.1:1/secret'],
    ['a backing file that there is not', () => '/nowhere/at/all'],
  ])('that names %s', async (_, nameOf) => {
    const file = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', nameOf(secret), '-F', 'raw', file, '1M');
    expect((await refuse(file)).error?.message).toContain('backing file');
  });

  it('that keeps its data in a file of the host', async () => {
    const file = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${fixture.path('data')},data_file_raw=on`, file, '1M');
    // as long as the name that qemu-img was willing to make it with
    const name = Buffer.from(fixture.path('data'));
    patch(file, readFileSync(file).indexOf(name), Buffer.from(secret.slice(0, name.length)));
    expect((await refuse(file)).error?.message).toContain('external data file');
  });

  it('that names a data file in an extension, its feature bit not set', async () => {
    const file = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${fixture.path('data')}`, file, '1M');
    patch(file, 79, Buffer.from([0]));
    expect((await refuse(file)).error?.message).toContain('external data file');
  });

  it.each([
    ['the old way', 1],
    ['LUKS', 2],
  ])('that is encrypted: %s', async (_, method) => {
    const file = patch(makeQcow2(), 32, Buffer.from([0, 0, 0, method]));
    expect((await refuse(file)).error?.message).toContain('encrypted');
  });

  it('that claims more than 64 TiB', async () => {
    const file = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', 'cluster_size=2M', file, '65T');
    expect((await refuse(file)).error?.message).toContain('64 TiB');
  });

  it('that has no bytes', async () => {
    const file = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', file, '0');
    await refuse(file);
  });

  it('that is cut off', async () => {
    const file = makeQcow2();
    truncateSync(file, 200_000);
    await refuse(file);
  });

  it('that is cut off within its header', async () => {
    const file = makeQcow2();
    truncateSync(file, 60);
    await refuse(file);
  });

  it('whose reference counts are wrong', async () => {
    const file = makeQcow2();
    // the counts of the first clusters, in the cluster that the refcount table's first entry names
    const table = Number(readFileSync(file).readBigUInt64BE(48));
    const block = Number(readFileSync(file).readBigUInt64BE(table));
    patch(file, block, Buffer.alloc(32));
    expect((await refuse(file)).error?.message).toContain('corruptions');
  });

  it('whose reference table points beyond its end', async () => {
    const file = makeQcow2();
    patch(file, 48, Buffer.from('00000000ffff0000', 'hex'));
    await refuse(file);
  });

  it('whose L1 table is absurdly large', async () => {
    const file = makeQcow2();
    patch(file, 36, Buffer.from('7fffffff', 'hex'));
    await refuse(file);
  });

  it('that is marked corrupt', async () => {
    const file = makeQcow2();
    patch(file, 79, Buffer.from([2]));
    await refuse(file);
  });
});

describe('a vmdk is refused', () => {
  it.each(['twoGbMaxExtentSparse', 'twoGbMaxExtentFlat', 'monolithicFlat'])('of the kind %s', async (subformat) => {
    const file = fixture.path('evil.vmdk');
    qemuImg('create', '-q', '-f', 'vmdk', '-o', `subformat=${subformat}`, file, '4M');
    expect((await refuse(file)).error?.message).toContain('names the files with the data');
  });

  it('that is a text naming a file of the host as its data', async () => {
    const file = fixture.path('evil.vmdk');
    writeFileSync(file, descriptor(`RW 2048 FLAT "${secret}" 0`, 'monolithicFlat'));
    await refuse(file);
    await refuse(file, { format: 'vmdk' });
  });

  it('that claims to be sparse and whose embedded text names a file of the host', async () => {
    const file = fixture.path('evil.vmdk');
    qemuImg('create', '-q', '-f', 'vmdk', file, '4M');
    // without a capacity QEMU believes the text, which says where the data is
    patch(file, 12, Buffer.alloc(8));
    patch(file, 512, Buffer.from(descriptor(`RW 2048 FLAT "${secret}" 0`, 'monolithicFlat').padEnd(2048, '\0')));
    expect((await refuse(file)).error?.message).toContain('capacity');
  });

  it('that names a parent', async () => {
    const base = fixture.path('base.vmdk');
    const file = fixture.path('evil.vmdk');
    qemuImg('create', '-q', '-f', 'vmdk', base, '4M');
    qemuImg('create', '-q', '-f', 'vmdk', '-b', base, '-F', 'vmdk', file);
    expect((await refuse(file)).error?.message).toContain('parent');
  });

  it('that is one part of several', async () => {
    qemuImg('create', '-q', '-f', 'vmdk', '-o', 'subformat=twoGbMaxExtentSparse', fixture.path('evil.vmdk'), '4M');
    const part = readdirSync(fixture.folder).find((name) => name.includes('-s001'));
    expect((await refuse(fixture.path(part ?? ''))).error?.message).toContain('one part');
  });

  function descriptor(extent: string, type: string): string {
    return `# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\ncreateType="${type}"\n\n${extent}\n\nddb.adapterType = "ide"\n`;
  }
});

it('refuses a vdi that needs another file', async () => {
  const file = fixture.path('evil.vdi');
  qemuImg('create', '-q', '-f', 'vdi', file, '4M');
  patch(file, 0x4c, Buffer.from([4, 0, 0, 0]));
  expect((await refuse(file)).error?.message).toContain('another file');
});

describe('what is no disk is refused', () => {
  it('an empty file', async () => {
    writeFileSync(fixture.path('empty'), '');
    await refuse(fixture.path('empty'));
    await refuse(fixture.path('empty'), { format: 'raw' });
  });

  it('a file that looks like nothing', async () => {
    expect((await refuse(secret)).error?.message).toContain('--format raw');
  });

  it('a packed file, with a word on what to do', async () => {
    const file = fixture.path('disk.gz');
    writeFileSync(file, execFileSync('gzip', ['-c', writeRawDisk(fixture.path('content.raw'))]));
    expect((await refuse(file)).error?.message).toContain('Unpack');
  });

  it('a file of another format than stated', async () => {
    const file = makeQcow2();
    for (const format of ['vmdk', 'vdi', 'vhdx'] as const) await refuse(file, { format });
    await refuse(writeRawDisk(fixture.path('plain.raw')), { format: 'qcow2' });
  });

  it('a folder that no export wrote', async () => {
    mkdirSync(fixture.path('folder'));
    await refuse(fixture.path('folder'));
  });

  it.each(['pipe', 'socket', 'device'])('a %s, and does not wait for it', async (kind) => {
    const file = kind === 'device' ? '/dev/zero' : fixture.path(kind);
    if (kind === 'pipe') execFileSync('mkfifo', [file]);
    if (kind === 'socket') execFileSync('python3', ['-c', `import socket; socket.socket(1).bind("${file}")`]);
    await runToEnd(fixture.core(), importImage, importRequest(file, { format: 'raw' })).then(
      (operation) => expect(operation.error?.code).toBe('IMAGE_REJECTED'),
      (error: unknown) => expect(error).toMatchObject({ code: 'IMAGE_REJECTED' }),
    );
  });

  it('a path where nothing is', async () => {
    await expectFailure(runToEnd(fixture.core(), importImage, importRequest('/nowhere/disk')), 'IMAGE_REJECTED');
  });
});

describe('a client of the agent', () => {
  const client = { caller: { name: 'vagrant', role: 'admin' as const, isTrustedWithPaths: false } };
  let allowed: string;

  beforeEach(() => {
    allowed = fixture.path('transfer');
    mkdirSync(allowed);
  });

  function importAs(source: string): Promise<Operation> {
    return runToEnd(
      fixture.core(client, { transferDirs: [allowed] }),
      importImage,
      importRequest(source, { format: 'raw' }),
    );
  }

  it('imports from a configured folder', async () => {
    const file = writeRawDisk(path.join(allowed, 'disk.raw'));
    expect(await importAs(file)).toMatchObject({ status: 'succeeded' });
  });

  it('imports nothing from elsewhere, and learns nothing of it', async () => {
    for (const file of [secret, '/nowhere', `${allowed}/../shadow`, allowed]) {
      expect((await expectFailure(importAs(file), 'PATH_NOT_ALLOWED')).message).toContain(allowed);
    }
  });

  it('cannot lead out of the folder by a link', async () => {
    symlinkSync(secret, path.join(allowed, 'disk.raw'));
    await expectFailure(importAs(path.join(allowed, 'disk.raw')), 'PATH_NOT_ALLOWED');
    symlinkSync(fixture.folder, path.join(allowed, 'folder'));
    await expectFailure(importAs(path.join(allowed, 'folder', 'shadow')), 'PATH_NOT_ALLOWED');
  });

  it('imports nothing where no folder is configured', async () => {
    const core = fixture.core(client);
    await expectFailure(runToEnd(core, importImage, importRequest(secret)), 'PATH_NOT_ALLOWED');
  });
});

it('follows a link for a caller with rights of its own', async () => {
  symlinkSync(makeQcow2(), fixture.path('link'));
  const operation = await runToEnd(fixture.core(), importImage, importRequest(fixture.path('link')));
  expect(operation.status).toBe('succeeded');
});

describe('a file that is changed while it is imported', () => {
  const callers = [
    ['anybody may write to it', 0o666, { name: 'root', role: 'admin' as const, isTrustedWithPaths: true }],
    ['a client named it', 0o600, { name: 'vagrant', role: 'admin' as const, isTrustedWithPaths: false }],
  ] as const;

  function makeEvil(): Buffer {
    const evil = fixture.path('evil.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', secret, '-F', 'raw', evil, '1M');
    return readFileSync(evil);
  }

  it.each(callers)('is imported as it was when we looked, where %s', async (_, mode, caller) => {
    const file = makeQcow2();
    chmodSync(file, mode);
    const evil = makeEvil();
    const core = fixture.core({ caller }, { transferDirs: [fixture.folder] });
    const faulty = makeFaulty(core.diskTool);
    // the moment after our look, when QEMU opens it
    faulty.before('info', () => writeFileSync(file, evil));
    const operation = await runToEnd({ ...core, diskTool: faulty.port }, importImage, importRequest(file));
    const image = await fixture.store.readImage(operation.result.imageId ?? '');
    const content = readContent(fixture.fileOf(image, 'disk-vda.qcow2'), 'qcow2');
    expect(content.equals(diskContent(4 * 1024 ** 2))).toBe(true);
  });

  it.each(callers)('is never opened by QEMU when it turned evil before our copy, where %s', async (_, mode, caller) => {
    const file = makeQcow2();
    chmodSync(file, mode);
    const evil = makeEvil();
    const core = fixture.core({ caller }, { transferDirs: [fixture.folder] });
    const files = makeFaulty(core.files);
    files.before('tryClone', () => writeFileSync(file, evil));
    const diskTool = makeFaulty(core.diskTool);
    const parts = { files: files.port, diskTool: diskTool.port };
    const operation = await runToEnd({ ...core, ...parts }, importImage, importRequest(file));
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'IMAGE_REJECTED' } });
    // only the copy, of bytes
    expect(diskTool.calls).toEqual(['convert']);
    expect(await fixture.drafts()).toEqual([]);
  });
});
