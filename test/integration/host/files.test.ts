import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { failureOf, MIB, run, useFileSystem, useFolder } from './file-systems.ts';

const folder = useFolder();
const small = useFileSystem(folder, 'tmpfs', 1);
const files = createHostFiles();

describe('stat', () => {
  it('tells what lies there, links followed', async () => {
    writeFileSync(folder.path('sparse'), 'x', { mode: 0o640 });
    truncateSync(folder.path('sparse'), 5 * MIB);
    symlinkSync('sparse', folder.path('link'));
    const stat = await files.stat(folder.path('link'));
    const { ino, dev } = statSync(folder.path('sparse'));
    expect(stat).toMatchObject({
      kind: 'file',
      sizeBytes: 5 * MIB,
      inode: ino,
      device: dev,
      mode: 0o640,
      uid: 0,
      gid: 0,
    });
    expect(stat?.allocatedBytes).toBeLessThan(MIB);
  });

  it('gives the length of a block device', async () => {
    writeFileSync(folder.path('device'), '');
    truncateSync(folder.path('device'), 3 * MIB);
    const loop = run('losetup', '--find', '--show', folder.path('device'));
    try {
      expect(await files.stat(loop)).toMatchObject({ kind: 'block-device', sizeBytes: 3 * MIB });
      await using held = await files.hold(loop);
      expect(held?.stat.sizeBytes).toBe(3 * MIB);
    } finally {
      run('losetup', '--detach', loop);
    }
  });

  it('gives null where nothing is', async () => {
    expect(await files.stat(folder.path('nothing'))).toBeNull();
    expect(await files.stat(folder.path('sparse/below-a-file'))).toBeNull();
    expect(await files.stat('/dev/null')).toMatchObject({ kind: 'other' });
    expect(await files.stat('/')).toMatchObject({ kind: 'directory' });
  });
});

describe('list', () => {
  it('gives sorted names, and none where there is no folder', async () => {
    mkdirSync(folder.path('listed'));
    for (const name of ['b', 'a', '.c']) writeFileSync(folder.path(`listed/${name}`), '');
    expect(await files.list(folder.path('listed'))).toEqual(['.c', 'a', 'b']);
    expect(await files.list(folder.path('unlisted'))).toEqual([]);
  });
});

describe('freeBytes', () => {
  it('goes down by what is written', async () => {
    const before = await files.freeBytes(small.path(''));
    expect(before).toBe(MIB);
    writeFileSync(small.path('filling'), Buffer.alloc(MIB / 2));
    expect(await files.freeBytes(small.path(''))).toBe(before - MIB / 2);
    await files.remove(small.path('filling'));
  });
});

describe('readText and readBytes', () => {
  it('read files up to the limit', async () => {
    writeFileSync(folder.path('text'), 'grün');
    expect(await files.readText(folder.path('text'), { maxBytes: 5 })).toBe('grün');
    expect(await files.readBytes(folder.path('text'), { maxBytes: 5 })).toEqual(Buffer.from('grün'));
    expect(await files.readText('/proc/self/stat', { maxBytes: 10_000 })).toContain(String(process.pid));
  });

  it('refuse longer files, and do not wait for a pipe', async () => {
    expect(await failureOf(files.readText(folder.path('text'), { maxBytes: 4 }))).toMatchObject({ code: 'EFBIG' });
    expect(await failureOf(files.readText('/dev/zero', { maxBytes: 4 }))).toMatchObject({ code: 'EINVAL' });
    run('mkfifo', folder.path('pipe'));
    expect(await failureOf(files.readText(folder.path('pipe'), { maxBytes: 4 }))).toMatchObject({ code: 'EINVAL' });
  });
});

describe('writeDurably', () => {
  it('replaces a file, private unless told otherwise, and leaves no other name', async () => {
    mkdirSync(folder.path('durable'));
    const target = folder.path('durable/file');
    await files.writeDurably(target, 'one');
    expect(statSync(target).mode & 0o777).toBe(0o600);
    await files.writeDurably(target, Buffer.from('two'), { uid: 12, gid: 34, mode: 0o440 });
    expect(readFileSync(target, 'utf8')).toBe('two');
    expect(statSync(target)).toMatchObject({ uid: 12, gid: 34, mode: 0o100440 });
    expect(readdirSync(folder.path('durable'))).toEqual(['file']);
  });

  it('keeps the old content and leaves nothing behind when the disk is full', async () => {
    await files.writeDurably(small.path('full'), 'old');
    const error = await failureOf(files.writeDurably(small.path('full'), Buffer.alloc(2 * MIB)));
    expect(error).toMatchObject({ code: 'NO_SPACE', fields: { path: small.path('full') } });
    expect(readdirSync(small.path(''))).toEqual(['full']);
    expect(readFileSync(small.path('full'), 'utf8')).toBe('old');
  });

  it('leaves nothing behind when the target is a folder', async () => {
    mkdirSync(folder.path('occupied/folder'), { recursive: true });
    writeFileSync(folder.path('occupied/folder/file'), '');
    expect(await failureOf(files.writeDurably(folder.path('occupied/folder'), 'x'))).toMatchObject({ code: 'EISDIR' });
    expect(readdirSync(folder.path('occupied'))).toEqual(['folder']);
  });

  it('lets other errors through', async () => {
    expect(await failureOf(files.writeDurably(folder.path('no/such/folder'), 'x'))).toMatchObject({ code: 'ENOENT' });
  });
});

describe('copyTree', () => {
  it('copies files and folders with owners and modes, and neither links nor sockets', async () => {
    const source = folder.path('tpm');
    mkdirSync(`${source}/deep/er`, { recursive: true });
    writeFileSync(`${source}/permall`, Buffer.alloc(300_000, 7), { mode: 0o640 });
    writeFileSync(`${source}/deep/er/file`, 'deep');
    chownSync(`${source}/permall`, 12, 34);
    chownSync(`${source}/deep`, 56, 78);
    chmodSync(`${source}/deep`, 0o750);
    symlinkSync('/etc/shadow', `${source}/link`);
    const server = createServer().listen(`${source}/socket`);
    await new Promise((resolve) => server.on('listening', resolve));
    expect(await files.copyTree(source, folder.path('tpm-copy'))).toEqual(['deep/er/file', 'permall']);
    server.close();
    expect(readdirSync(folder.path('tpm-copy')).sort()).toEqual(['deep', 'permall']);
    expect(readFileSync(folder.path('tpm-copy/permall')).equals(Buffer.alloc(300_000, 7))).toBe(true);
    expect(statSync(folder.path('tpm-copy/permall'))).toMatchObject({ uid: 12, gid: 34, mode: 0o100640 });
    expect(statSync(folder.path('tpm-copy/deep'))).toMatchObject({ uid: 56, gid: 78, mode: 0o040750 });
  });

  it('does not write into a folder that exists', async () => {
    mkdirSync(folder.path('there'));
    mkdirSync(folder.path('from'));
    expect(await failureOf(files.copyTree(folder.path('from'), folder.path('there')))).toMatchObject({
      code: 'EEXIST',
    });
  });

  it('says so when the disk is full', async () => {
    mkdirSync(folder.path('large'));
    writeFileSync(folder.path('large/file'), Buffer.alloc(2 * MIB, 1));
    const error = await failureOf(files.copyTree(folder.path('large'), small.path('large')));
    expect(error).toMatchObject({ code: 'NO_SPACE' });
    await files.removeTree(small.path('large'));
  });
});

describe('names and owners', () => {
  it('makes folders with their parents and gives the last one its owner and mode', async () => {
    await files.makeDirectory(folder.path('made/below'), { uid: 12, mode: 0o711 });
    expect(statSync(folder.path('made/below'))).toMatchObject({ uid: 12, gid: 0, mode: 0o040711 });
    expect(statSync(folder.path('made')).uid).toBe(0);
    await files.makeDirectory(folder.path('made/below'));
  });

  it('changes only what is stated', async () => {
    writeFileSync(folder.path('owned'), '', { mode: 0o600 });
    await files.setOwnership(folder.path('owned'), { gid: 34 });
    expect(statSync(folder.path('owned'))).toMatchObject({ uid: 0, gid: 34, mode: 0o100600 });
    await files.setOwnership(folder.path('owned'), { mode: 0o444 });
    expect(statSync(folder.path('owned'))).toMatchObject({ uid: 0, gid: 34, mode: 0o100444 });
  });

  it('renames, syncs and removes, and does not mind what is gone', async () => {
    writeFileSync(folder.path('before'), 'x');
    await files.rename(folder.path('before'), folder.path('after'));
    await files.sync(folder.path('after'));
    await files.sync(folder.path(''));
    await files.remove(folder.path('after'));
    await files.remove(folder.path('after'));
    await files.removeTree(folder.path('nowhere'));
    expect(existsSync(folder.path('after'))).toBe(false);
  });

  it('does not remove a folder as if it were a file', async () => {
    mkdirSync(folder.path('kept'));
    expect(await failureOf(files.remove(folder.path('kept')))).toMatchObject({ name: 'Error' });
    expect(existsSync(folder.path('kept'))).toBe(true);
  });
});

describe('hold', () => {
  it('still leads to the file that was looked at after its name points elsewhere', async () => {
    writeFileSync(folder.path('held'), 'first');
    symlinkSync('held', folder.path('held-link'));
    await using held = await files.hold(folder.path('held-link'));
    await files.remove(folder.path('held'));
    writeFileSync(folder.path('held'), 'second');
    expect(held?.realPath).toBe(folder.path('held'));
    const range = await held?.read({ offsetBytes: 2, lengthBytes: 100 });
    expect(Buffer.from(range ?? []).toString()).toBe('rst');
    expect(execFileSync('cat', [held?.heldPath ?? ''], { encoding: 'utf8' })).toBe('first');
  });

  it('does not wait for a pipe and gives null where nothing is', async () => {
    await using held = await files.hold(folder.path('pipe'));
    expect(held?.stat.kind).toBe('other');
    expect(await files.hold(folder.path('nothing'))).toBeNull();
  });
});

describe('lookUpUser', () => {
  it('finds users of this host by name only', async () => {
    const [uid, gid] = [run('id', '-u', 'nobody'), run('id', '-g', 'nobody')].map(Number);
    expect(await files.lookUpUser('nobody')).toEqual({ uid, gid });
    expect(await files.lookUpUser('darkroom-nobody')).toBeNull();
    expect(await files.lookUpUser('0')).toBeNull();
    expect(await files.lookUpUser('')).toBeNull();
    expect(await files.lookUpUser('--help')).toBeNull();
  });
});

it('counts the names of a file and tells when its content changed last', async () => {
  writeFileSync(folder.path('linked'), '');
  linkSync(folder.path('linked'), folder.path('linked-too'));
  utimesSync(folder.path('linked'), 1_000_000, 1_700_000_000.25);
  const [one, two] = await Promise.all([files.stat(folder.path('linked')), files.stat(folder.path('linked-too'))]);
  expect(one?.links).toBe(2);
  expect(one?.modifiedMs).toBeCloseTo(1_700_000_000_250, 2);
  expect(two).toEqual(one);
  await using held = await files.hold(folder.path('linked'));
  expect(held?.stat).toEqual(one);
  await files.remove(folder.path('linked-too'));
  expect((await files.stat(folder.path('linked')))?.links).toBe(1);
  writeFileSync(folder.path('linked'), 'changed');
  expect((await files.stat(folder.path('linked')))?.modifiedMs).toBeGreaterThan(1_700_000_000_250);
});
