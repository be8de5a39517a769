import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { calmestMs } from '../../support/calmest.ts';
import { failureOf, holds, MIB, qemuImg, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();
const base = { path: '', format: 'raw' as const };
const overlay = { path: '', format: 'qcow2' as const };

beforeAll(async () => {
  base.path = folder.path('base');
  overlay.path = folder.path('overlay');
  await tool.create({ ...base, virtualSizeBytes: 64 * MIB });
  qemuIo(base, 'write -P 1 0 32M');
  await tool.create({ ...overlay, backing: base, hasExtendedL2: true });
  qemuIo(overlay, 'write -P 2 1M 64k', 'write -z 2M 1M');
});

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

describe('convert', () => {
  it('makes a flat, private copy of the whole chain and says how far it is', async () => {
    const target = { path: folder.path('json:flat, 1.qcow2'), format: 'qcow2' } as const;
    const fractions: number[] = [];
    const pids: number[] = [];
    await tool.convert({
      source: overlay,
      target,
      onProgress: (fraction) => fractions.push(fraction),
      onStart: (pid) => pids.push(pid),
    });
    expect(await tool.info(target)).toMatchObject({
      backing: null,
      virtualSizeBytes: 64 * MIB,
      clusterSizeBytes: 65536,
    });
    expect(statSync(target.path).mode & 0o777).toBe(0o600);
    expect(await tool.compare(overlay, target)).toBe(true);
    expect(holds(target, 2, '1M 64k') && holds(target, 0, '2M 1M') && holds(target, 1, '3M 29M')).toBe(true);
    expect(fractions.length).toBeGreaterThan(10);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
    expect(pids).toHaveLength(1);
  });

  it('makes a sparse raw disk', async () => {
    const target = { path: folder.path('flat.raw'), format: 'raw' } as const;
    await tool.convert({ source: overlay, target });
    const info = await tool.info(target);
    expect(info.virtualSizeBytes).toBe(64 * MIB);
    expect(info.actualSizeBytes).toBeLessThanOrEqual(32 * MIB);
    expect(await tool.compare(target, overlay)).toBe(true);
  });

  it.each(['vmdk', 'vdi', 'vhdx', 'vpc'] as const)('reads %s', async (format) => {
    const foreign = { path: folder.path(`foreign.${format}`), format };
    qemuImg('convert', '-f', 'raw', '-O', format, base.path, foreign.path);
    const target = { path: folder.path(`from-${format}.qcow2`), format: 'qcow2' } as const;
    await tool.convert({ source: foreign, target });
    expect(await tool.compare(target, base)).toBe(true);
  });

  it('does not overwrite a file that exists', async () => {
    const target = { path: folder.path('precious'), format: 'qcow2' } as const;
    writeFileSync(target.path, 'precious');
    expect(await failureOf(tool.convert({ source: overlay, target }))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(readFileSync(target.path, 'utf8')).toBe('precious');
  });

  it('ends qemu-img and removes its target when it is cancelled', async () => {
    const target = { path: folder.path('cancelled'), format: 'qcow2' } as const;
    const controller = new AbortController();
    let pid = 0;
    const converting = failureOf(
      tool.convert(
        {
          source: overlay,
          target,
          bandwidthBytesPerSecond: 4 * MIB,
          onStart: (started) => {
            pid = started;
          },
        },
        controller.signal,
      ),
    );
    await vi.waitUntil(() => pid !== 0, { timeout: 20_000 });
    await sleep(100);
    expect(isRunning(pid)).toBe(true);
    controller.abort();
    expect(await converting).toMatchObject({ code: 'CANCELLED', fields: { subcommand: 'convert' } });
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(target.path)).toBe(false);
    expect(await tool.check(overlay), 'no lock is left').toMatchObject({ isSound: true });
  });

  it('keeps to the bandwidth it is given, its own or the tool`s', async () => {
    const source = { path: folder.path('slow'), format: 'raw' } as const;
    await tool.create({ ...source, virtualSizeBytes: 8 * MIB });
    qemuIo(source, 'write -P 3 0 8M');
    const slow = createDiskTool({ bandwidthBytesPerSecond: 8 * MIB });
    const start = performance.now();
    await slow.convert({ source, target: { path: folder.path('slow-copy'), format: 'raw' } });
    expect(performance.now() - start).toBeGreaterThan(500);
    const target = { path: folder.path('fast-copy'), format: 'raw' } as const;
    const fast = (): Promise<unknown> => slow.convert({ source, target, bandwidthBytesPerSecond: 0 });
    expect(await calmestMs(500, fast)).toBeLessThan(500);
  });

  it('says what failed when the source is damaged', async () => {
    const source = { path: folder.path('truncated'), format: 'qcow2' } as const;
    const target = { path: folder.path('from-truncated'), format: 'qcow2' } as const;
    await tool.convert({ source: overlay, target: source });
    const bytes = readFileSync(source.path);
    bytes.fill(0xff, 40, 48);
    writeFileSync(source.path, bytes);
    expect(await failureOf(tool.convert({ source, target }))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(existsSync(target.path)).toBe(false);
  });
});

/** As when QEMU is killed: the bitmaps of the disk it wrote to stay flagged in-use. */
async function killWriter(disk: { path: string; format: string }): Promise<void> {
  const file = { driver: 'file', filename: disk.path };
  const writer = spawn('qemu-io', [`json:${JSON.stringify({ driver: disk.format, file })}`], { stdio: 'pipe' });
  // its prompt tells that the disk is open
  await once(writer.stdout, 'data');
  writer.kill('SIGKILL');
  await once(writer, 'exit');
}

/** The ranges that a bitmap names as changed, read over NBD. */
function readBitmap(
  disk: { path: string; format: string },
  options: { bitmap: string; socket: string },
): readonly { start: number; length: number }[] {
  const { bitmap, socket } = options;
  execFileSync('qemu-nbd', ['--fork', '-r', '-f', disk.format, '-B', bitmap, '-k', socket, disk.path]);
  const server = { type: 'unix', path: socket };
  const spec = JSON.stringify({ driver: 'nbd', server, 'x-dirty-bitmap': `qemu:dirty-bitmap:${bitmap}` });
  const map = qemuImg('map', '--output=json', `json:${spec}`);
  const extents: { start: number; length: number; data: boolean }[] = JSON.parse(map);
  // in this view of a bitmap "no data" stands for dirty
  return extents.filter((extent) => !extent.data).map(({ start, length }) => ({ start, length }));
}

describe('dirty bitmaps', () => {
  const disk = { path: '', format: 'qcow2' as const };

  beforeAll(async () => {
    disk.path = folder.path('with-bitmaps');
    await tool.create({ ...disk, virtualSizeBytes: 8 * MIB });
    qemuImg('bitmap', '-f', 'qcow2', '--add', '--enable', disk.path, 'broken');
    await killWriter(disk);
    qemuImg('bitmap', '-f', 'qcow2', '--add', '--enable', disk.path, 'good');
    qemuIo(disk, 'write -P 7 1M 64k');
  });

  async function copyTo(name: string, options: { readonly hasBitmaps?: boolean }) {
    const target = { path: folder.path(name), format: 'qcow2' } as const;
    await tool.convert({ source: disk, target, ...options });
    return target;
  }

  it('come along when asked for, but for the broken ones', async () => {
    expect((await tool.info(disk)).bitmaps).toEqual([
      { name: 'broken', flags: ['in-use', 'auto'] },
      { name: 'good', flags: ['auto'] },
    ]);
    const target = await copyTo('copied-bitmaps', { hasBitmaps: true });
    expect((await tool.info(target)).bitmaps).toEqual([{ name: 'good', flags: ['auto'] }]);
    expect(await tool.compare(disk, target)).toBe(true);
    expect(readBitmap(target, { bitmap: 'good', socket: folder.path('nbd') })).toEqual([{ start: MIB, length: 65536 }]);
  });

  it.each([{}, { hasBitmaps: false }])('stay behind otherwise: %j', async (options) => {
    const target = await copyTo(`no-bitmaps-${'hasBitmaps' in options}`, options);
    expect((await tool.info(target)).bitmaps).toEqual([]);
  });
});

describe('a full disk', () => {
  const mount = () => `${folder.path('full')}`;

  beforeAll(() => {
    mkdirSync(mount());
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount()]);
  });
  afterAll(() => execFileSync('umount', [mount()]));

  it('is NO_SPACE for a copy, which leaves nothing', async () => {
    const error = await failureOf(
      tool.convert({ source: overlay, target: { path: `${mount()}/copy`, format: 'qcow2' } }),
    );
    expect(error).toMatchObject({ code: 'NO_SPACE' });
    expect(existsSync(`${mount()}/copy`)).toBe(false);
  });

  it('is NO_SPACE for a commit, which can be repeated', async () => {
    const short = { path: `${mount()}/base`, format: 'raw' } as const;
    const top = { path: folder.path('too-much'), format: 'qcow2' } as const;
    await tool.create({ ...short, virtualSizeBytes: 8 * MIB });
    await tool.create({ ...top, backing: short });
    qemuIo(top, 'write -P 5 0 8M');
    expect(await failureOf(tool.commit(top))).toMatchObject({ code: 'NO_SPACE' });
    execFileSync('mount', ['-o', 'remount,size=32m', mount()]);
    await tool.commit(top);
    expect(holds(short, 5, '0 8M')).toBe(true);
  });
});

describe('measure', () => {
  it('tells at most what a flat copy needs', async () => {
    const target = { path: folder.path('measured'), format: 'qcow2' } as const;
    const needed = await tool.measure(overlay, 'qcow2');
    await tool.convert({ source: overlay, target });
    const { actualSizeBytes } = await tool.info(target);
    expect(needed).toBeGreaterThanOrEqual(actualSizeBytes);
    expect(needed).toBeLessThan(actualSizeBytes + 4 * MIB);
    expect(await tool.measure(overlay, 'raw')).toBe(64 * MIB);
  });
});

describe('a host block device', () => {
  it('is read and written like a file', async () => {
    const backing = folder.path('device');
    writeFileSync(backing, '');
    truncateSync(backing, 16 * MIB);
    const device = execFileSync('losetup', ['--find', '--show', backing], { encoding: 'utf8' }).trim();
    const disk = { path: device, format: 'raw' } as const;
    try {
      expect(await tool.info(disk)).toMatchObject({ virtualSizeBytes: 16 * MIB, format: 'raw' });
      const top = { path: folder.path('over-device'), format: 'qcow2' } as const;
      await tool.create({ ...top, backing: disk });
      qemuIo(top, 'write -P 6 0 1M');
      expect((await tool.infoChain(top)).map((layer) => layer.path)).toEqual([top.path, device]);
      await tool.commit(top);
      const copy = { path: folder.path('from-device'), format: 'qcow2' } as const;
      await tool.convert({ source: disk, target: copy });
      expect(holds(copy, 6, '0 1M')).toBe(true);
      expect(await tool.compare(copy, disk)).toBe(true);
      expect(await tool.measure(disk, 'qcow2')).toBeGreaterThan(MIB);
      await using hold = await tool.holdForReading(disk);
      expect(await failureOf(tool.commit(top))).toMatchObject({ code: 'QEMU_IMG_FAILED' });
      expect(hold).toBeDefined();
    } finally {
      execFileSync('losetup', ['--detach', device]);
    }
  });
});
