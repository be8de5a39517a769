import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMounts } from '../../../src/drivers/host/mounts.ts';
import { expectFailure } from '../../support/expect-failure.ts';

const MIB = 1024 ** 2;
const mounts = createMounts();
let folder: string;
let directory: string;

beforeEach(() => {
  folder = mkdtempSync('/var/tmp/dr-mo-');
  directory = path.join(folder, 'a b');
  mkdirSync(directory);
  mkdirSync(path.join(folder, 'content'));
  writeFileSync(path.join(folder, 'content', 'hello'), 'world');
});

afterEach(async () => {
  await mounts.unmount(directory);
  rmSync(folder, { recursive: true, force: true });
});

function run(file: string, ...args: readonly string[]): void {
  execFileSync(file, args, { stdio: 'pipe' });
}

/** With a file `hello` in it. */
function makeFileSystem(name: string, kind: 'ext4' | 'xfs', mib: number): string {
  const file = path.join(folder, name);
  writeFileSync(file, '');
  truncateSync(file, mib * MIB);
  if (kind === 'ext4') run('mkfs.ext4', '-q', '-d', path.join(folder, 'content'), file);
  else {
    writeFileSync(path.join(folder, 'proto'), `/\n0 0\nd--755 0 0\nhello ---644 0 0 ${folder}/content/hello\n$\n`);
    run('mkfs.xfs', '-q', '-p', path.join(folder, 'proto'), file);
  }
  return file;
}

/** Places a file system in a partition of a disk, after one that is empty. */
function partition(content: string, types: readonly [string, string]): string {
  const disk = path.join(folder, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, 64 * MIB);
  const table = `label: gpt\nstart=2048, size=16384, type=${types[0]}\nstart=20480, size=65536, type=${types[1]}\n`;
  execFileSync('sfdisk', ['-q', disk], { input: table, stdio: ['pipe', 'pipe', 'pipe'] });
  run('dd', `if=${content}`, `of=${disk}`, 'bs=512', 'seek=20480', 'conv=notrunc', 'status=none');
  return disk;
}

describe('a disk that is mounted', () => {
  it.each([
    ['ext4', 16],
    ['xfs', 320],
  ] as const)('shows the files of its %s, and lets nobody change them', async (kind, mib) => {
    const disk = makeFileSystem('whole', kind, mib);
    const before = readFileSync(disk);
    await mounts.mountFirst(disk, directory);
    expect(readFileSync(path.join(directory, 'hello'), 'utf8')).toBe('world');
    expect(() => writeFileSync(path.join(directory, 'new'), 'x')).toThrow(/EROFS/);
    await mounts.unmount(directory);
    expect(readdirSync(directory)).toEqual([]);
    expect(readFileSync(disk).equals(before)).toBe(true);
  });

  it('shows the first of its partitions that has files, and the EFI system partition last', async () => {
    const inner = makeFileSystem('inner', 'ext4', 32);
    const [bios, linux] = ['21686148-6449-6E6F-744E-656564454649', '0FC63DAF-8483-4772-8E79-3D69D8477DE4'];
    const efi = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
    await mounts.mountFirst(partition(inner, [bios, linux]), directory);
    expect(readdirSync(directory)).toContain('hello');
    await mounts.unmount(directory);
    await mounts.mountFirst(partition(inner, [linux, efi]), directory);
    expect(readdirSync(directory)).toContain('hello');
  });

  it('is refused where nothing on it can be mounted', async () => {
    const empty = path.join(folder, 'empty');
    writeFileSync(empty, Buffer.alloc(4 * MIB));
    const nothing = await expectFailure(mounts.mountFirst(empty, directory), 'DISK_UNSUPPORTED');
    expect(nothing.message).toContain('nothing on it');
    run('mkswap', '-q', empty);
    const swap = await expectFailure(mounts.mountFirst(empty, directory), 'DISK_UNSUPPORTED');
    expect(swap.message).toContain('swap');
  });

  it('comes off also while somebody has a file of it open, and once is enough', async () => {
    await mounts.mountFirst(makeFileSystem('whole', 'ext4', 16), directory);
    const reader = execFileSync('sh', ['-c', `sleep 60 < '${directory}/hello' >/dev/null 2>&1 & echo $!`]);
    await mounts.unmount(directory);
    await mounts.unmount(directory);
    expect(readdirSync(directory)).toEqual([]);
    process.kill(Number(reader.toString().trim()));
  });

  it('comes off also when two take it down at once', async () => {
    const disk = makeFileSystem('whole', 'ext4', 16);
    for (let n = 0; n < 5; n++) {
      await mounts.mountFirst(disk, directory);
      await Promise.all([1, 2, 3].map(() => mounts.unmount(directory)));
      expect(readdirSync(directory)).toEqual([]);
    }
  });
});
