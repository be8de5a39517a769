import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { concealKey } from '../../../src/drivers/keys/conceal-key.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import type { DiskFile } from '../../../src/model/ports/disk-tool.ts';
import { calmestMs } from '../../support/calmest.ts';
import { failureOf, MIB, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();
const SECRET = 'no key that anybody uses, 1=2';
const key = concealKey(SECRET);
const CLUSTER = 65_536;
const LAYERS = 5;

/** Layer n holds n + 1 at n MiB, and the pattern 0x6b over 64 KiB that a raw look at the file would find. */
const plain: DiskFile[] = [];
const sealed: DiskFile[] = [];

function nameOf(kind: string, layer: number): string {
  return folder.path(`${kind}, ${layer}.qcow2`);
}

beforeAll(async () => {
  for (let layer = 0; layer < LAYERS; layer += 1) {
    const below = plain.at(-1);
    const disk = { path: nameOf('plain', layer), format: 'qcow2' } as const;
    await tool.create({ ...disk, ...(below === undefined ? { virtualSizeBytes: 16 * MIB } : { backing: below }) });
    qemuIo(disk, `write -P ${layer + 1} ${layer}M 64k`, `write -P 0x6b 8M 64k`, `write -z ${layer}M 4k`);
    const backing = sealed.at(-1);
    const target = { path: nameOf('sealed', layer), format: 'qcow2', key } as const;
    await tool.convert({ source: disk, target, ...(backing !== undefined && { backing }) });
    plain.push(disk);
    sealed.push(target);
  }
});

function at(disks: readonly DiskFile[], index: number): DiskFile {
  const disk = disks.at(index);
  if (disk === undefined) throw new Error(`no disk ${index}`);
  return disk;
}

describe('an encrypted chain', () => {
  it('reads as the plain one it was made of, layer by layer', async () => {
    for (const [index, disk] of sealed.entries()) {
      expect(await tool.info(disk)).toMatchObject({ isEncrypted: true, virtualSizeBytes: 16 * MIB });
      expect(await tool.compare(at(plain, index), disk)).toBe(true);
      expect((await tool.mapAllocation(disk)).extents).toEqual((await tool.mapAllocation(at(plain, index))).extents);
      expect(await tool.check(disk)).toMatchObject({ isSound: true, leaks: 0 });
    }
    expect(await tool.infoChain(at(sealed, -1))).toHaveLength(LAYERS);
  });

  it('holds nothing in the clear', () => {
    const clear = Buffer.alloc(4096, 0x6b);
    expect(readFileSync(at(plain, 0).path).includes(clear)).toBe(true);
    for (const disk of sealed) expect(readFileSync(disk.path).includes(clear)).toBe(false);
  });

  it('becomes a plain disk again', async () => {
    const target = { path: folder.path('opened.raw'), format: 'raw' } as const;
    await tool.convert({ source: at(sealed, -1), target });
    expect(await tool.compare(target, at(plain, -1))).toBe(true);
    expect(await tool.measure(at(sealed, -1), 'raw')).toBe(16 * MIB);
  });

  it('is opened fast: the derivation of a key takes ten milliseconds a layer', async () => {
    const open = async (): Promise<void> => expect(await tool.check(at(sealed, -1))).toMatchObject({ isSound: true });
    expect(await calmestMs(1500, open)).toBeLessThan(1500);
  });

  it('takes a new layer, changes and all', async () => {
    const top = { path: folder.path('top'), format: 'qcow2', key } as const;
    await tool.create({ ...top, backing: at(sealed, -1) });
    await tool.resize(top, 20 * MIB);
    await tool.addBitmap(top, 'one');
    expect(await tool.info(top)).toMatchObject({ virtualSizeBytes: 20 * MIB, isEncrypted: true });
    expect((await tool.info(top)).bitmaps.map((bitmap) => bitmap.name)).toEqual(['one']);
    await tool.removeBitmap(top, 'one');
    expect(await tool.compare(top, at(plain, -1))).toBe(true);
  });

  it('merges a layer into the one below, beside the chain', async () => {
    const [below, above] = [folder.path('merge-below'), folder.path('merge-above')];
    execFileSync('cp', [at(sealed, -2).path, below]);
    execFileSync('cp', [at(sealed, -1).path, above]);
    const base = { path: below, format: 'qcow2', key } as const;
    const top = { path: above, format: 'qcow2', key } as const;
    await tool.rebase(top, { backing: base, isUnsafe: true, backingName: 'merge-below' });
    await tool.commit(top);
    expect(await tool.compare(base, at(plain, -1))).toBe(true);
    expect((await tool.info(base)).backing?.path).toBe(at(sealed, -3).path);
  });

  it('stands alone, or on another layer, by a rebase; its header then names just that file', async () => {
    const moved = { path: folder.path('moved'), format: 'qcow2' } as const;
    await tool.create({ ...moved, backing: at(plain, -1) });
    await tool.rebase(moved, { backing: at(sealed, 0) });
    expect((await tool.info(moved)).backing).toMatchObject({ name: at(sealed, 0).path, format: 'qcow2' });
    expect(await tool.compare({ ...moved, key }, at(plain, -1))).toBe(true);
    expect((await tool.mapAllocation(moved)).extents.length, 'just what differs').toBeLessThan(9);

    await tool.rebase({ ...moved, key }, { backing: null });
    expect((await tool.info(moved)).backing).toBeNull();
    expect(await tool.compare(moved, at(plain, -1))).toBe(true);
  });

  it('becomes encrypted over an encrypted one from a disk that stands on nothing yet', async () => {
    const staging = { path: folder.path('staging'), format: 'qcow2' } as const;
    await tool.create({ ...staging, virtualSizeBytes: 16 * MIB });
    qemuIo(staging, 'write -P 9 12M 64k', 'write -z 8M 64k');
    const target = { path: folder.path('sealed-staging'), format: 'qcow2', key } as const;
    await tool.convert({ source: staging, target, backing: at(sealed, -1) });
    expect((await tool.mapAllocation(target)).extents).toEqual([
      { start: 8 * MIB, length: CLUSTER, isZero: true },
      { start: 12 * MIB, length: CLUSTER, isZero: false },
    ]);
    await tool.rebase(staging, { backing: at(plain, -1), isUnsafe: true });
    expect(await tool.compare(staging, target)).toBe(true);
  });
});

describe('a key', () => {
  it('that is another one is ENCRYPTION_KEY_WRONG, and shown nowhere', async () => {
    const wrong = { ...at(sealed, -1), key: concealKey(`${SECRET}!`) };
    const error = await failureOf(tool.check(wrong));
    expect(error).toMatchObject({ code: 'ENCRYPTION_KEY_WRONG', fields: { disk: wrong.path } });
    expect(`${error} ${JSON.stringify(error)} ${JSON.stringify(Object(error).cause)}`).not.toContain(SECRET);
    const target = { path: folder.path('never'), format: 'raw' } as const;
    expect(await failureOf(tool.convert({ source: wrong, target }))).toMatchObject({ code: 'ENCRYPTION_KEY_WRONG' });
    expect(existsSync(target.path)).toBe(false);
  });

  it('that is not there is ENCRYPTION_KEY_MISSING', async () => {
    const { path, format } = at(sealed, -1);
    expect(await failureOf(tool.check({ path, format }))).toMatchObject({ code: 'ENCRYPTION_KEY_MISSING' });
  });

  it('may be another one for each of two disks', async () => {
    const other = concealKey('the other key of this test');
    const target = { path: folder.path('other-key'), format: 'qcow2', key: other } as const;
    await tool.convert({ source: at(sealed, -1), target });
    expect(await tool.compare(at(sealed, -1), target)).toBe(true);
  });

  it('goes to no command line, no environment and no file with a name', async () => {
    const target = { path: folder.path('watched'), format: 'qcow2', key } as const;
    let seen = '';
    await tool.convert({
      source: at(sealed, -1),
      target,
      bandwidthBytesPerSecond: MIB,
      onStart: (pid) => {
        seen = readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/environ`, 'utf8');
      },
    });
    expect(seen).toContain('convert');
    expect(seen).not.toContain(SECRET);
    // those of other tests have a name for a moment, before anything is in them
    const named = listNamed();
    await expect.poll(() => listNamed().filter((name) => named.includes(name))).toEqual([]);
  });
});

function listNamed(): string[] {
  return readdirSync('/dev/shm').filter((name) => name.startsWith('darkroom-'));
}

describe('a disk that cannot be encrypted as asked', () => {
  it.each([
    ['compressed', { format: 'qcow2', compression: 'zstd' }],
    ['raw', { format: 'raw' }],
  ] as const)('is refused: %s', async (name, { format, ...options }) => {
    const target = { path: folder.path(`refused-${name}`), format, key };
    const error = await failureOf(tool.convert({ source: at(plain, 0), target, ...options }));
    expect(error).toMatchObject({ code: 'DISK_UNSUPPORTED' });
    expect(existsSync(target.path)).toBe(false);
  });
});
