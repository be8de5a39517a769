import { existsSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { concealKey } from '../../../src/drivers/keys/conceal-key.ts';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { useFileSystem } from '../host/file-systems.ts';
import { failureOf, holds, MIB, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const small = useFileSystem(folder, 'tmpfs', 8);
const tool = createDiskTool();
const KIB = 1024;

async function create(path: string, virtualSizeBytes = 128 * MIB) {
  const disk = { path, format: 'qcow2' } as const;
  await tool.create({ ...disk, virtualSizeBytes });
  return disk;
}

/** Holds 1 in its first 4 MiB from before the bitmap began. */
async function createRecorded(name: string, ...changes: string[]) {
  const disk = await create(folder.path(name));
  qemuIo(disk, 'write -P 1 0 4M');
  await tool.addBitmap(disk, 'since, 1:2');
  qemuIo(disk, ...changes);
  return disk;
}

const bitmap = 'since, 1:2';

describe('copyDirty', () => {
  it('copies what has changed in whole clusters, zeroes as zeroes, and nothing else', async () => {
    const source = await createRecorded('source', 'write -P 2 1M 4k', 'write -z 2M 64k', 'write -P 3 100M 64k');
    const target = await create(folder.path('target a:b'));
    qemuIo(target, 'write -P 9 50M 64k');
    const fractions: number[] = [];
    const pids: number[] = [];
    await tool.copyDirty({
      source,
      bitmap,
      target,
      onProgress: (fraction) => fractions.push(fraction),
      onStart: (pid) => pids.push(pid),
    });
    expect((await tool.mapAllocation(target)).extents).toEqual([
      { start: MIB, length: 64 * KIB, isZero: false },
      { start: 2 * MIB, length: 64 * KIB, isZero: true },
      { start: 50 * MIB, length: 64 * KIB, isZero: false },
      { start: 100 * MIB, length: 64 * KIB, isZero: false },
    ]);
    expect(holds(target, 2, '1M 4k') && holds(target, 1, '1028k 60k') && holds(target, 3, '100M 64k')).toBe(true);
    expect(fractions.at(-1)).toBe(1);
    expect(pids).toHaveLength(1);
    expect(existsSync(`/proc/${pids[0]}`)).toBe(false);
  });

  it('leaves source and bitmap as they are, and copies the same again', async () => {
    const source = await createRecorded('again', 'write -P 2 1M 64k');
    const before = statSync(source.path, { bigint: true }).mtimeNs;
    for (const name of ['again-1', 'again-2']) {
      const target = await create(folder.path(name));
      await tool.copyDirty({ source, bitmap, target });
      expect((await tool.mapAllocation(target)).extents).toEqual([{ start: MIB, length: 64 * KIB, isZero: false }]);
    }
    expect(statSync(source.path, { bigint: true }).mtimeNs).toBe(before);
    expect((await tool.info(source)).bitmaps).toEqual([{ name: bitmap, flags: ['auto'] }]);
  });

  it('makes a layer that shows the new content over the old', async () => {
    const source = await createRecorded('live');
    const old = { path: folder.path('old'), format: 'qcow2' } as const;
    await tool.convert({ source, target: old });
    qemuIo(source, 'write -P 5 3M 1M', 'write -z 0 1M', 'discard 2M 64k');
    const layer = await create(folder.path('layer'));
    await tool.copyDirty({ source, bitmap, target: layer });
    await tool.rebase(layer, { backing: old, isUnsafe: true, backingName: 'old' });
    expect(await tool.compare(layer, source)).toBe(true);
    expect(await tool.compare(layer, old)).toBe(false);
  });

  it('writes into an encrypted layer', async () => {
    const key = concealKey('a key of this test only');
    const source = await createRecorded('for-sealed', 'write -P 2 1M 64k');
    const target = { path: folder.path('sealed'), format: 'qcow2', key } as const;
    await tool.create({ ...target, virtualSizeBytes: 128 * MIB });
    await tool.copyDirty({ source, bitmap, target });
    expect((await tool.mapAllocation(target)).extents).toEqual([{ start: MIB, length: 64 * KIB, isZero: false }]);
  });

  it('takes 64 MiB of changes in little time', async () => {
    const source = await createRecorded('much', 'write -P 7 8M 64M');
    const target = await create(folder.path('much-copied'));
    const start = performance.now();
    await tool.copyDirty({ source, bitmap, target });
    const tookMs = performance.now() - start;
    expect(holds(target, 7, '8M 64M')).toBe(true);
    expect(tookMs).toBeLessThan(10_000);
  });

  it('says what is wrong: no such bitmap, another size, no file, no qcow2', async () => {
    const source = await createRecorded('wrong', 'write -P 2 1M 64k');
    const target = await create(folder.path('wrong-target'));
    const shorter = await create(folder.path('shorter'), 64 * MIB);
    const nowhere = { path: folder.path('nowhere'), format: 'qcow2' } as const;
    const complaintOf = async (work: Promise<void>) => {
      const error = await failureOf(work);
      expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED', fields: { subcommand: 'copy-dirty' } });
      return String(error);
    };
    expect(await complaintOf(tool.copyDirty({ source, bitmap: 'none', target }))).toContain("'none'");
    expect(await complaintOf(tool.copyDirty({ source, bitmap, target: shorter }))).toContain('size');
    expect(await complaintOf(tool.copyDirty({ source: nowhere, bitmap, target }))).toContain('No such file');
    const raw = { ...source, format: 'raw' } as const;
    expect(await complaintOf(tool.copyDirty({ source: raw, bitmap, target }))).toContain(bitmap);
  });

  it('is NO_SPACE where the target has none', async () => {
    const source = await createRecorded('for-full', 'write -P 7 0 32M');
    const target = await create(small.path('full'));
    expect(await failureOf(tool.copyDirty({ source, bitmap, target }))).toMatchObject({ code: 'NO_SPACE' });
  });

  it('ends at once when it is cancelled, and leaves no lock', async () => {
    const source = await createRecorded('cancelled', 'write -P 7 8M 100M');
    const target = await create(folder.path('cancelled-target'));
    const controller = new AbortController();
    let pid = 0;
    const copying = tool.copyDirty(
      {
        source,
        bitmap,
        target,
        onStart: (started) => {
          pid = started;
        },
        onProgress: () => controller.abort(),
      },
      controller.signal,
    );
    expect(await failureOf(copying)).toMatchObject({ code: 'CANCELLED' });
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(await tool.check(target)).toMatchObject({ corruptions: 0 });
    expect(qemuIo(source, 'write 0 4k')).toContain('wrote');
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('fails when %s ends its process under it', async (signal) => {
    const source = await createRecorded(`ended-${signal}`, 'write -P 7 8M 100M');
    const target = await create(folder.path(`ended-target-${signal}`));
    let pid = 0;
    const copying = tool.copyDirty({
      source,
      bitmap,
      target,
      onStart: (started) => {
        pid = started;
      },
      onProgress: () => process.kill(pid, signal),
    });
    expect(await failureOf(copying)).toMatchObject({ code: 'QEMU_IMG_FAILED' });
  });
});
