import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { failureOf, MIB, run, useFileSystem, useFolder } from './file-systems.ts';

const ext4 = useFolder();
const xfs = useFileSystem(ext4, 'xfs', 512);
const tmpfs = useFileSystem(ext4, 'tmpfs', 32);
const small = useFileSystem(ext4, 'tmpfs', 2);
const files = createHostFiles();
const content = Buffer.alloc(4 * MIB, 'darkroom');

beforeAll(() => {
  for (const place of [ext4, xfs, tmpfs]) writeFileSync(place.path('source'), content, { mode: 0o640 });
});

describe('tryClone', () => {
  it('shares the blocks on XFS', async () => {
    run('sync', '-f', xfs.path('source'));
    const before = await files.freeBytes(xfs.path(''));
    expect(await files.tryClone(xfs.path('source'), xfs.path('clone'))).toBe(true);
    expect(before - (await files.freeBytes(xfs.path('')))).toBeLessThan(MIB);
    expect(readFileSync(xfs.path('clone')).equals(content)).toBe(true);
    expect(statSync(xfs.path('clone')).mode & 0o777).toBe(0o640);
  });

  it.each([
    ['from one file system to another', () => [ext4.path('source'), xfs.path('nothing-left')]],
    ['on tmpfs', () => [tmpfs.path('source'), tmpfs.path('nothing-left')]],
    ['on ext4', () => [ext4.path('source'), ext4.path('nothing-left')]],
  ] as const)('says that it cannot %s and leaves nothing', async (_where, paths) => {
    const [source, target] = paths();
    expect(await files.tryClone(source ?? '', target ?? '')).toBe(false);
    expect(existsSync(target ?? '')).toBe(false);
  });

  it('says that it cannot clone a block device', async () => {
    const loop = run('losetup', '--find', '--show', '--read-only', ext4.path('source'));
    try {
      expect(await files.tryClone(loop, xfs.path('from-device'))).toBe(false);
      expect(existsSync(xfs.path('from-device'))).toBe(false);
    } finally {
      run('losetup', '--detach', loop);
    }
  });

  it('does not touch a target that exists', async () => {
    writeFileSync(xfs.path('precious'), 'precious');
    const error = await failureOf(files.tryClone(xfs.path('source'), xfs.path('precious')));
    expect(error).toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(xfs.path('precious'), 'utf8')).toBe('precious');
  });

  it('lets other errors through', async () => {
    const error = await failureOf(files.tryClone(xfs.path('missing'), xfs.path('target')));
    expect(error).toMatchObject({ code: 'ENOENT' });
  });
});

describe('copy', () => {
  it('copies where blocks cannot be shared, with the mode, and says how far it is', async () => {
    const totals: number[] = [];
    await files.copy(ext4.path('source'), tmpfs.path('copy'), { onBytes: (total) => totals.push(total) });
    expect(readFileSync(tmpfs.path('copy')).equals(content)).toBe(true);
    expect(statSync(tmpfs.path('copy')).mode & 0o777).toBe(0o640);
    expect(totals).toEqual([1, 2, 3, 4].map((mib) => mib * MIB));
  });

  it('keeps to the bandwidth it is given, and can be cancelled while it waits', async () => {
    const started = performance.now();
    await files.copy(ext4.path('source'), tmpfs.path('slow'), { bandwidthBytesPerSecond: 8 * MIB });
    expect(performance.now() - started).toBeGreaterThan(450);
    expect(readFileSync(tmpfs.path('slow')).equals(content)).toBe(true);
    const signal = AbortSignal.timeout(100);
    const crawling = files.copy(ext4.path('source'), tmpfs.path('never'), { bandwidthBytesPerSecond: 10, signal });
    expect(await failureOf(crawling)).toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(tmpfs.path('never'))).toBe(false);
  });

  it('leaves holes where there were zeroes, also at the end', async () => {
    writeFileSync(ext4.path('sparse'), Buffer.concat([Buffer.alloc(3 * MIB), Buffer.from('data')]));
    truncateSync(ext4.path('sparse'), 20 * MIB + 5);
    await files.copy(ext4.path('sparse'), tmpfs.path('sparse'));
    expect(readFileSync(tmpfs.path('sparse')).equals(readFileSync(ext4.path('sparse')))).toBe(true);
    expect((await files.stat(tmpfs.path('sparse')))?.allocatedBytes).toBeLessThan(2 * MIB);
  });

  it('removes what it could not finish', async () => {
    const error = await failureOf(files.copy(ext4.path('source'), small.path('target')));
    expect(error).toMatchObject({ code: 'NO_SPACE' });
    expect(readdirSync(small.path(''))).toEqual([]);
  });

  it('stops and removes its target when it is cancelled', async () => {
    const controller = new AbortController();
    const copying = files.copy(ext4.path('source'), tmpfs.path('cancelled'), {
      signal: controller.signal,
      onBytes: () => controller.abort(),
    });
    expect(await failureOf(copying)).toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(tmpfs.path('cancelled'))).toBe(false);
  });

  it('does not touch a target that exists', async () => {
    writeFileSync(tmpfs.path('precious'), 'precious');
    expect(await failureOf(files.copy(ext4.path('source'), tmpfs.path('precious')))).toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(tmpfs.path('precious'), 'utf8')).toBe('precious');
  });
});
