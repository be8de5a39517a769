import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allocateAligned, DirectFile } from '../../../src/drivers/stores/s3/bucket/direct-file.ts';
import { openTarget } from '../../../src/drivers/stores/s3/bucket/target-file.ts';
import { type Folder, failureOf, run, useFileSystem, useFolder } from '../host/file-systems.ts';

const MIB = 1024 * 1024;

const disk = useFolder();
const xfs = useFileSystem(disk, 'xfs', 320);
const tmpfs = useFileSystem(disk, 'tmpfs', 32);
const ramfs = useFileSystem(disk, 'ramfs', 32);

interface Piece {
  readonly at: number;
  readonly bytes: number;
}

/** The last ends with the file; one is no whole page, one begins at none. */
const PIECES: readonly Piece[] = [
  { at: 3 * MIB, bytes: MIB },
  { at: 0, bytes: MIB },
  { at: MIB, bytes: 5000 },
  { at: MIB + 5000, bytes: 2 * MIB - 5000 },
  { at: 4 * MIB, bytes: 777 },
];
const SIZE_BYTES = 4 * MIB + 777;

function emptyFile(folder: Folder, name: string): string {
  const file = folder.path(name);
  writeFileSync(file, '');
  return file;
}

async function writePieces(file: string, isDirect: boolean): Promise<Buffer> {
  const content = randomBytes(SIZE_BYTES);
  const buffer = allocateAligned(2 * MIB);
  await using target = await openTarget(file, { sizeBytes: SIZE_BYTES, isDirect });
  for (const { at, bytes } of PIECES) {
    content.copy(buffer, 0, at, at + bytes);
    await target.write(buffer.subarray(0, bytes), at);
  }
  await target.sync();
  return content;
}

describe.each([
  ['ext4', disk],
  ['XFS', xfs],
  ['tmpfs', tmpfs],
  ['ramfs', ramfs],
])('a file on %s', (_kind, folder) => {
  it.each([true, false])(
    'holds what is written to it from several sides; past the page cache: %s',
    async (isDirect) => {
      const file = emptyFile(folder, `written-${isDirect}`);
      const content = await writePieces(file, isDirect);
      expect(readFileSync(file).equals(content)).toBe(true);
    },
  );
});

describe('a file that is written past the page cache', () => {
  it('is not in it afterwards', async () => {
    const file = emptyFile(disk, 'long');
    const block = allocateAligned(MIB);
    await using target = await openTarget(file, { sizeBytes: 64 * MIB, isDirect: true });
    for (let at = 0; at < 64 * MIB; at += MIB) await target.write(block.fill(at / MIB + 1), at);
    await target.sync();
    expect(cachedBytes(file)).toBe(0);
    expect(readFileSync(file)[63 * MIB]).toBe(64);
  });

  it('is written through it where the memory does not begin at a page', async () => {
    const file = emptyFile(disk, 'shifted');
    const content = randomBytes(2 * MIB);
    const shifted = allocateAligned(2 * MIB + 1).subarray(1);
    content.copy(shifted);
    await using target = await openTarget(file, { sizeBytes: 2 * MIB, isDirect: true });
    await target.write(shifted.subarray(0, MIB), 0);
    await target.write(shifted.subarray(MIB), MIB);
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(cachedBytes(file)).toBe(2 * MIB);
  });

  it('is none where the file system does not know that', async () => {
    expect(await DirectFile.open(emptyFile(ramfs, 'unknown'))).toBeNull();
  });

  it.each([
    ['XFS', xfs, 400],
    ['tmpfs', tmpfs, 40],
  ])('is told when %s is full', async (_kind, folder, sizeMib) => {
    const file = emptyFile(folder, 'too-long');
    const block = allocateAligned(MIB).fill(1);
    const fill = async (): Promise<void> => {
      await using target = await openTarget(file, { sizeBytes: sizeMib * MIB, isDirect: true });
      for (let at = 0; at < sizeMib * MIB; at += MIB) await target.write(block, at);
      await target.sync();
    };
    expect(await failureOf(fill())).toMatchObject({ code: 'NO_SPACE', fields: { path: file } });
  });
});

function cachedBytes(file: string): number {
  return Number(run('fincore', '--bytes', '--raw', '--noheadings', '--output', 'RES', file));
}
