import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { failureOf, holds, MIB, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();

describe('create', () => {
  it('makes a disk that only its owner can read, under a name that looks like syntax', async () => {
    const disk = { path: folder.path('nbd:a,b=c d.qcow2'), format: 'qcow2' } as const;
    await tool.create({ ...disk, virtualSizeBytes: 10 * MIB });
    expect(statSync(disk.path).mode & 0o777).toBe(0o600);
    expect(await tool.info(disk)).toMatchObject({
      path: disk.path,
      format: 'qcow2',
      virtualSizeBytes: 10 * MIB,
      clusterSizeBytes: 65536,
      backing: null,
      dataFile: null,
      isEncrypted: false,
      isDirty: false,
      isCorrupt: false,
      internalSnapshotCount: 0,
      bitmaps: [],
    });
  });

  it('makes an overlay with sub-clusters, as long as its base, whose header states the format of the base', async () => {
    const base = { path: folder.path('json:{base},1.raw'), format: 'raw' } as const;
    await tool.create({ ...base, virtualSizeBytes: 5 * MIB });
    qemuIo(base, 'write -P 7 0 64k');
    const overlay = { path: folder.path('over lay.qcow2'), format: 'qcow2' } as const;
    await tool.create({ ...overlay, backing: base, hasExtendedL2: true });
    expect(await tool.info(overlay)).toMatchObject({
      virtualSizeBytes: 5 * MIB,
      backing: { name: base.path, path: base.path, format: 'raw' },
    });
    expect(holds(overlay, 7, '0 64k')).toBe(true);
    const incompatibleFeatures = readFileSync(overlay.path).readBigUInt64BE(72);
    expect(incompatibleFeatures & 16n, 'extended L2 bit').toBe(16n);
  });

  it('makes an overlay longer than its base', async () => {
    const base = { path: folder.path('short.qcow2'), format: 'qcow2' } as const;
    const overlay = { path: folder.path('long.qcow2'), format: 'qcow2' } as const;
    await tool.create({ ...base, virtualSizeBytes: MIB });
    await tool.create({ ...overlay, backing: base, virtualSizeBytes: 3 * MIB });
    expect((await tool.info(overlay)).virtualSizeBytes).toBe(3 * MIB);
  });

  it('does not overwrite a file that exists', async () => {
    const path = folder.path('precious');
    writeFileSync(path, 'precious');
    const error = await failureOf(tool.create({ path, format: 'raw', virtualSizeBytes: MIB }));
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('leaves no file behind when its backing file is missing', async () => {
    const overlay = { path: folder.path('orphan.qcow2'), format: 'qcow2' } as const;
    const backing = { path: folder.path('nothing'), format: 'raw' } as const;
    const error = await failureOf(tool.create({ ...overlay, backing }));
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED', fields: { subcommand: 'create', exitCode: 1 } });
    expect(String(error)).toContain('No such file');
    expect(existsSync(overlay.path)).toBe(false);
  });

  it.each(['nbd:localhost:1', 'json:{"driver":"null-co"}', 'relative.qcow2', '-o'])(
    'refuses the name %s',
    async (path) => {
      const error = await failureOf(tool.create({ path, format: 'qcow2', virtualSizeBytes: MIB }));
      expect(error).toMatchObject({ code: 'DISK_UNSUPPORTED' });
    },
  );
});
