import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { failureOf, MIB, useFileSystem, useFolder } from './file-systems.ts';

const folder = useFolder();
const tmpfs = useFileSystem(folder, 'tmpfs', 8);
const xfs = useFileSystem(folder, 'xfs', 320);
const files = createHostFiles();

describe('reserve', () => {
  it.each([
    ['the disk of this machine', folder],
    ['XFS', xfs],
    ['tmpfs', tmpfs],
  ])('takes the room and gives it back without touching length or content, on %s', async (_name, place) => {
    const file = place.path('reserved, a:b');
    writeFileSync(file, 'content');
    const allocated = async () => (await files.stat(file))?.allocatedBytes ?? 0;
    expect(await files.reserve(file, 4 * MIB)).toBe(true);
    expect(statSync(file).size).toBe(7);
    expect(await allocated()).toBeGreaterThanOrEqual(4 * MIB);
    appendFileSync(file, ' and more');
    await files.releaseReserve(file);
    expect(readFileSync(file, 'utf8')).toBe('content and more');
    expect(await allocated()).toBeLessThan(MIB);
  });

  it.each([
    ['XFS', xfs, 400],
    ['tmpfs', tmpfs, 16],
  ])('is NO_SPACE where there is not so much, and keeps none of it, on %s', async (_name, place, mib) => {
    const file = place.path('too-long');
    writeFileSync(file, 'content');
    const before = await files.freeBytes(place.path(''));
    expect(await failureOf(files.reserve(file, mib * MIB))).toMatchObject({ code: 'NO_SPACE', fields: { path: file } });
    expect(await files.freeBytes(place.path(''))).toBeGreaterThan(before - MIB);
    expect(readFileSync(file, 'utf8')).toBe('content');
  });

  it('makes no file that is not there', async () => {
    expect(await failureOf(files.reserve(folder.path('none'), MIB))).toMatchObject({ code: 'ENOENT' });
    expect(existsSync(folder.path('none'))).toBe(false);
  });

  it('says where a file system has no such thing', async () => {
    expect(await files.reserve('/proc/self/comm', MIB)).toBe(false);
  });
});
