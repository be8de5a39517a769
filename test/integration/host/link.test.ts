import { linkSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createHostFiles } from '../../../src/drivers/host/files.ts';
import { failureOf, run, useFileSystem, useFolder } from './file-systems.ts';

const folder = useFolder();
const tmpfs = useFileSystem(folder, 'tmpfs', 1);
const xfs = useFileSystem(folder, 'xfs', 320);
const files = createHostFiles();

/** Ends the file system without its log being written, and mounts what is on the disk. */
function cutPower(): void {
  run('xfs_io', '-x', '-c', 'shutdown', xfs.path(''));
  run('umount', xfs.path(''));
  run('mount', '-o', 'loop', folder.path('mount-xfs-320.disk'), xfs.path(''));
}

describe('tryLink', () => {
  it('gives a file a second name', async () => {
    writeFileSync(folder.path('disk'), 'disk', { mode: 0o640 });
    expect(await files.tryLink(folder.path('disk'), folder.path('second'))).toBe(true);
    expect(statSync(folder.path('second')).ino).toBe(statSync(folder.path('disk')).ino);
    expect(await files.stat(folder.path('disk'))).toMatchObject({ links: 2, mode: 0o640 });
    await files.remove(folder.path('disk'));
    expect(readFileSync(folder.path('second'), 'utf8')).toBe('disk');
  });

  it('makes the name survive a power cut', async () => {
    writeFileSync(xfs.path('disk'), 'disk');
    await files.sync(xfs.path('disk'));
    await files.sync(xfs.path(''));
    expect(await files.tryLink(xfs.path('disk'), xfs.path('durable'))).toBe(true);
    cutPower();
    expect(readdirSync(xfs.path('')).sort()).toEqual(['disk', 'durable']);
    linkSync(xfs.path('disk'), xfs.path('fleeting'));
    cutPower();
    expect(readdirSync(xfs.path('')).sort(), 'a name that was not synced is lost').toEqual(['disk', 'durable']);
  });

  it('names the file, not the link that leads to it', async () => {
    writeFileSync(folder.path('behind'), 'behind');
    symlinkSync('behind', folder.path('symbolic'));
    expect(await files.tryLink(folder.path('symbolic'), folder.path('direct'))).toBe(true);
    expect(statSync(folder.path('behind')).nlink).toBe(2);
  });

  it('says no between two file systems, and leaves nothing', async () => {
    writeFileSync(folder.path('here'), '');
    expect(await files.tryLink(folder.path('here'), tmpfs.path('there'))).toBe(false);
    expect(readdirSync(tmpfs.path(''))).toEqual([]);
    expect(statSync(folder.path('here')).nlink).toBe(1);
  });

  it('says no for a file that may not get another name', async () => {
    writeFileSync(xfs.path('immutable'), '');
    run('chattr', '+i', xfs.path('immutable'));
    try {
      expect(await files.tryLink(xfs.path('immutable'), xfs.path('second'))).toBe(false);
      expect(readdirSync(xfs.path(''))).not.toContain('second');
    } finally {
      run('chattr', '-i', xfs.path('immutable'));
    }
  });

  it('does not touch a target that exists', async () => {
    writeFileSync(folder.path('new'), 'new');
    writeFileSync(folder.path('precious'), 'precious');
    const error = await failureOf(files.tryLink(folder.path('new'), folder.path('precious')));
    expect(error).toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(folder.path('precious'), 'utf8')).toBe('precious');
    linkSync(folder.path('new'), folder.path('same'));
    expect(await failureOf(files.tryLink(folder.path('new'), folder.path('same')))).toMatchObject({ code: 'EEXIST' });
  });

  it('lets other errors through', async () => {
    expect(await failureOf(files.tryLink(folder.path('gone'), folder.path('x')))).toMatchObject({ code: 'ENOENT' });
    expect(await failureOf(files.tryLink(folder.path('new'), folder.path('no/x')))).toMatchObject({ code: 'ENOENT' });
  });
});
