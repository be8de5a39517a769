import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { failureOf, holds, MIB, qemuImg, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();

async function createWith(name: string, pattern: number) {
  const disk = { path: folder.path(name), format: 'qcow2' } as const;
  await tool.create({ ...disk, virtualSizeBytes: 4 * MIB });
  qemuIo(disk, `write -P ${pattern} 0 1M`);
  return disk;
}

async function overlayOf(backing: { path: string; format: 'qcow2' }, name: string) {
  const disk = { path: folder.path(name), format: 'qcow2' } as const;
  await tool.create({ ...disk, backing });
  return disk;
}

describe('check', () => {
  it('finds a whole disk sound, and a raw one too', async () => {
    const disk = await createWith('sound, 1:2', 1);
    const sound = { isSound: true, corruptions: 0, leaks: 0, checkErrors: 0 };
    expect(await tool.check(disk)).toEqual(sound);
    expect(await tool.check({ path: disk.path, format: 'raw' })).toEqual(sound);
  });

  it('counts leaked clusters, which harm no data', async () => {
    const disk = await createWith('leaking', 1);
    // The refcount of a cluster that nothing names: host cluster 60 in the first refcount block.
    const bytes = Buffer.concat([readFileSync(disk.path), Buffer.alloc(4 * MIB)]);
    const refcountTable = Number(bytes.readBigUInt64BE(48));
    const refcountBlock = Number(bytes.readBigUInt64BE(refcountTable));
    bytes.writeUInt16BE(1, refcountBlock + 60 * 2);
    writeFileSync(disk.path, bytes);
    expect(await tool.check(disk)).toEqual({ isSound: true, corruptions: 0, leaks: 1, checkErrors: 0 });
  });

  it('finds corruption', async () => {
    const disk = await createWith('corrupt', 1);
    const bytes = readFileSync(disk.path);
    const refcountTable = Number(bytes.readBigUInt64BE(48));
    const refcountBlock = Number(bytes.readBigUInt64BE(refcountTable));
    bytes.fill(0, refcountBlock + 10, refcountBlock + 14);
    writeFileSync(disk.path, bytes);
    const result = await tool.check(disk);
    expect(result.isSound).toBe(false);
    expect(result.corruptions).toBeGreaterThan(0);
  });

  it('fails on a file that is not a disk', async () => {
    writeFileSync(folder.path('noise'), 'noise');
    const error = await failureOf(tool.check({ path: folder.path('noise'), format: 'qcow2' }));
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED', fields: { subcommand: 'check', exitCode: 1 } });
  });
});

describe('compare', () => {
  it('tells equal from different content, and does not mind zeroes at the end', async () => {
    const left = await createWith('left:1', 1);
    const right = await createWith('right,2', 1);
    expect(await tool.compare(left, right)).toBe(true);
    await tool.resize(right, 6 * MIB);
    expect(await tool.compare(left, right)).toBe(true);
    qemuIo(right, 'write -P 9 5M 64k');
    expect(await tool.compare(left, right)).toBe(false);
    expect(await failureOf(tool.compare(left, { path: folder.path('none'), format: 'raw' }))).toMatchObject({
      code: 'QEMU_IMG_FAILED',
    });
  });
});

describe('commit', () => {
  it('merges an overlay into a longer base and leaves the overlay in place', async () => {
    const base = await createWith('commit-base', 1);
    const top = { path: folder.path('commit: top'), format: 'qcow2' } as const;
    await tool.create({ ...top, backing: base, virtualSizeBytes: 8 * MIB, hasExtendedL2: true });
    qemuIo(top, 'write -P 2 7M 64k', 'write -P 3 512k 4k');
    const before = statSync(top.path).size;
    await tool.commit(top);
    expect(holds(base, 2, '7M 64k') && holds(base, 3, '512k 4k') && holds(base, 1, '0 512k')).toBe(true);
    expect(statSync(top.path).size).toBe(before);
    await tool.commit(top);
  });

  it('refuses while somebody has the base open', async () => {
    const base = await createWith('held-base', 1);
    const top = await overlayOf(base, 'held-top');
    await using hold = await tool.holdForReading(base);
    const error = await failureOf(tool.commit(top));
    expect(hold).toBeDefined();
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(String(error)).toContain('lock');
  });
});

describe('rebase', () => {
  it('moves an overlay to another base and keeps what it shows', async () => {
    const old = await createWith('old-base', 1);
    const other = await createWith('other-base', 2);
    const top = await overlayOf(old, 'rebased');
    await tool.rebase(top, { backing: other });
    expect(holds(top, 1, '0 1M')).toBe(true);
    expect((await tool.info(top)).backing).toMatchObject({ path: other.path, format: 'qcow2' });
  });

  it('makes an overlay stand alone', async () => {
    const base = await createWith('left-behind', 1);
    const top = await overlayOf(base, 'alone');
    await tool.rebase(top, { backing: null });
    expect((await tool.info(top)).backing).toBeNull();
    expect(holds(top, 1, '0 1M')).toBe(true);
  });

  it('changes nothing but the name when told so', async () => {
    const old = await createWith('named-before', 1);
    const other = await createWith('named-after', 2);
    const top = await overlayOf(old, 'renamed');
    await tool.rebase(top, { backing: other, isUnsafe: true });
    expect(holds(top, 2, '0 1M')).toBe(true);
  });
});

describe('resize', () => {
  it('makes a disk longer, never shorter', async () => {
    const disk = await createWith('resized', 1);
    await tool.resize(disk, 16 * MIB);
    expect((await tool.info(disk)).virtualSizeBytes).toBe(16 * MIB);
    expect(await failureOf(tool.resize(disk, MIB))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect((await tool.info(disk)).virtualSizeBytes).toBe(16 * MIB);
  });
});

describe('removeBitmap', () => {
  it('removes just that one, whatever its name', async () => {
    const disk = await createWith('bitmaps', 1);
    for (const name of ['--help', 'kept']) qemuImg('bitmap', '--add', '-f', 'qcow2', '--', disk.path, name);
    await tool.removeBitmap(disk, '--help');
    expect((await tool.info(disk)).bitmaps.map((bitmap) => bitmap.name)).toEqual(['kept']);
    expect(await failureOf(tool.removeBitmap(disk, 'none'))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
  });
});

describe('holdForReading', () => {
  it.each(['raw', 'qcow2'] as const)('keeps others from writing to a %s disk and lets them read', async (format) => {
    const disk = { path: folder.path(`held a:b,c.${format}`), format };
    await tool.create({ ...disk, virtualSizeBytes: 4 * MIB });
    const hold = await tool.holdForReading(disk);
    expect(() => qemuIo(disk, 'write 0 4k')).toThrow(/lock/);
    await tool.convert({ source: disk, target: { path: folder.path(`copied.${format}`), format } });
    await using second = await tool.holdForReading(disk);
    expect(second).toBeDefined();
    await hold[Symbol.asyncDispose]();
    expect(() => qemuIo(disk, 'write 0 4k')).toThrow(/lock/);
    await second[Symbol.asyncDispose]();
    expect(qemuIo(disk, 'write 0 4k')).toContain('wrote');
  });

  it('is INSTANCE_BUSY while somebody writes', async () => {
    const disk = await createWith('busy', 1);
    const writer = spawn('qemu-io', ['-f', 'qcow2', disk.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(writer.stdout, 'data');
    try {
      expect(await failureOf(tool.holdForReading(disk))).toMatchObject({
        code: 'INSTANCE_BUSY',
        fields: { disk: disk.path },
      });
    } finally {
      writer.kill();
    }
  });

  it('fails where nothing is', async () => {
    const error = await failureOf(tool.holdForReading({ path: folder.path('nothing'), format: 'raw' }));
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(String(error)).toContain('No such file');
  });
});

describe('the tool itself', () => {
  it('tells its version', async () => {
    expect(await tool.version()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('says what to install where it is missing', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    try {
      const error = await failureOf(tool.version());
      expect(error).toMatchObject({ code: 'TOOL_MISSING' });
      expect(String(error)).toContain('install qemu-utils');
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
