import { existsSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { failureOf, holds, MIB, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();
const CLUSTER = 65_536;

async function create(
  name: string,
  options: { backing?: { path: string; format: 'qcow2' }; virtualSizeBytes?: number },
) {
  const disk = { path: folder.path(name), format: 'qcow2' } as const;
  await tool.create({ ...disk, ...options });
  return disk;
}

const base = { path: '', format: 'qcow2' as const };
const layer = { path: '', format: 'qcow2' as const };

/** A megabyte below; above it one cluster of other data, one of zeroes, one that the base never had. */
async function writeLayer(name: string, options: Parameters<typeof create>[1]) {
  const disk = await create(name, options);
  qemuIo(disk, 'write -P 2 64k 64k', 'write -z 256k 64k', 'write -P 3 8M 64k');
  return disk;
}

const HELD = [
  { start: CLUSTER, length: CLUSTER, isZero: false },
  { start: 4 * CLUSTER, length: CLUSTER, isZero: true },
  { start: 8 * MIB, length: CLUSTER, isZero: false },
];

beforeAll(async () => {
  Object.assign(base, await create('base, 1', { virtualSizeBytes: 16 * MIB }));
  qemuIo(base, 'write -P 1 0 1M');
  Object.assign(layer, await writeLayer('layer', { backing: base }));
});

describe('mapAllocation', () => {
  it('tells what the top layer alone holds, zeroes apart', async () => {
    expect(await tool.mapAllocation(layer)).toEqual({ clusterSizeBytes: CLUSTER, extents: HELD });
  });

  it('needs no backing file', async () => {
    const orphan = await writeLayer('orphan', { backing: base });
    await tool.rebase(orphan, { backing: base, isUnsafe: true, backingName: 'gone.qcow2' });
    expect((await tool.mapAllocation(orphan)).extents).toEqual(HELD);
  });

  it('takes the name of a backing file from nothing but a qcow2, and gives none that is a protocol', async () => {
    const raw = folder.path('no-header');
    writeFileSync(raw, 'x'.repeat(100));
    expect(await failureOf(tool.readBackingName(raw))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    writeFileSync(raw, Buffer.from('QFI\xfb', 'latin1'));
    expect(await failureOf(tool.readBackingName(raw))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    const disk = { path: folder.path('protocol'), format: 'qcow2', virtualSizeBytes: MIB } as const;
    expect(await failureOf(tool.create({ ...disk, backingName: 'nbd:elsewhere' }))).toMatchObject({
      code: 'DISK_UNSUPPORTED',
    });
    expect(existsSync(disk.path)).toBe(false);
  });

  it('takes a raw file for one whole layer with holes', async () => {
    const raw = { path: folder.path('raw'), format: 'raw' } as const;
    writeFileSync(raw.path, '');
    truncateSync(raw.path, 4 * MIB);
    qemuIo(raw, 'write -P 1 1M 1M');
    expect(await tool.mapAllocation(raw)).toEqual({
      clusterSizeBytes: CLUSTER,
      extents: [
        { start: 0, length: MIB, isZero: true },
        { start: MIB, length: MIB, isZero: false },
        { start: 2 * MIB, length: 2 * MIB, isZero: true },
      ],
    });
  });
});

describe('a relative backing name', () => {
  it('stands in the header as it was given, and leads to the file beside', async () => {
    const disk = await writeLayer('renamed', { backing: base });
    await tool.rebase(disk, { backing: base, isUnsafe: true, backingName: 'base, 1' });
    expect((await tool.info(disk)).backing).toEqual({ name: 'base, 1', path: base.path, format: 'qcow2' });
    expect(await tool.compare(disk, layer)).toBe(true);
  });

  it.each(['json:{}', 'nbd:host:1', ''])('is refused when it is %j', async (backingName) => {
    const disk = await create(`named-${backingName.length}`, { backing: base });
    const error = await failureOf(tool.rebase(disk, { backing: base, isUnsafe: true, backingName }));
    expect(error).toMatchObject({ code: 'DISK_UNSUPPORTED' });
    expect((await tool.info(disk)).backing?.name).toBe(base.path);
  });
});

describe('convert of the top layer alone', () => {
  it.each([undefined, 'zstd'] as const)(
    'holds what that layer holds, zeroes too (compression: %s)',
    async (compression) => {
      const target = { path: folder.path(`copy, ${compression}`), format: 'qcow2' } as const;
      await tool.convert({ source: layer, target, backing: base, ...(compression && { compression }) });
      expect((await tool.info(target)).backing).toMatchObject({ path: base.path, format: 'qcow2' });
      expect((await tool.mapAllocation(target)).extents).toEqual(HELD);
      expect(await tool.compare(layer, target)).toBe(true);
      expect(statSync(target.path).mode & 0o777).toBe(0o600);
    },
  );

  it('goes over the stated backing file, whatever the header of the source says', async () => {
    const alone = await writeLayer('alone', { virtualSizeBytes: 16 * MIB });
    const lost = await writeLayer('lost', { backing: base });
    await tool.rebase(lost, { backing: base, isUnsafe: true, backingName: 'not-here.qcow2' });
    for (const source of [alone, lost]) {
      const target = { path: `${source.path}-copy`, format: 'qcow2' } as const;
      await tool.convert({ source, target, backing: base, compression: 'zstd' });
      expect(await tool.compare(layer, target)).toBe(true);
    }
  });

  it('makes what is compressed smaller', async () => {
    const full = await create('full', { virtualSizeBytes: 16 * MIB });
    qemuIo(full, 'write -P 7 0 8M');
    const target = { path: folder.path('small'), format: 'qcow2' } as const;
    await tool.convert({ source: full, target, compression: 'zstd' });
    expect((await tool.info(target)).actualSizeBytes).toBeLessThan(MIB);
    expect(await tool.compare(full, target)).toBe(true);
  });

  it('leaves nothing where the backing file is not there', async () => {
    const target = { path: folder.path('nothing'), format: 'qcow2' } as const;
    const gone = await create('gone', { virtualSizeBytes: 16 * MIB });
    rmSync(gone.path);
    expect(await failureOf(tool.convert({ source: layer, target, backing: gone }))).toMatchObject({
      code: 'QEMU_IMG_FAILED',
    });
    expect(() => statSync(target.path)).toThrow('ENOENT');
  });
});

describe('addBitmap', () => {
  it('adds a bitmap that records from the next opening on, 64 KiB a bit', async () => {
    const disk = await create('recorded', { virtualSizeBytes: 16 * MIB });
    await tool.addBitmap(disk, '--help');
    expect((await tool.info(disk)).bitmaps).toEqual([{ name: '--help', flags: ['auto'] }]);
    expect(await failureOf(tool.addBitmap(disk, '--help'))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(holds(disk, 0, '0 64k')).toBe(true);
  });
});
