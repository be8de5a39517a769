import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { failureOf, MIB, qemuImg, qemuIo, useFolder } from './disk-fixture.ts';

const folder = useFolder();
const tool = createDiskTool();

/** Sets incompatible feature bits of a qcow2 header: bytes 72 to 79 (docs/interop/qcow2.txt). */
function setIncompatibleFeature(path: string, bit: bigint): void {
  const bytes = readFileSync(path);
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(72) | bit, 72);
  writeFileSync(path, bytes);
}

async function createEmpty(name: string) {
  const disk = { path: folder.path(name), format: 'qcow2' } as const;
  await tool.create({ ...disk, virtualSizeBytes: MIB });
  return disk;
}

describe('info', () => {
  it('tells of bitmaps, internal snapshots, and the dirty and corrupt flags', async () => {
    const disk = await createEmpty('flags.qcow2');
    qemuImg('bitmap', '--add', '-f', 'qcow2', disk.path, 'one');
    qemuImg('snapshot', '-c', 'inner', disk.path);
    setIncompatibleFeature(disk.path, 1n | 2n);
    expect(await tool.info(disk)).toMatchObject({
      isDirty: true,
      isCorrupt: true,
      internalSnapshotCount: 1,
      bitmaps: [{ name: 'one', flags: ['auto'] }],
    });
  });

  it('reads a disk that another process has open for writing', async () => {
    const disk = await createEmpty('open.qcow2');
    const writer = spawn('qemu-io', ['-f', 'qcow2', disk.path], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(writer.stdout, 'data');
    try {
      expect((await tool.info(disk)).virtualSizeBytes).toBe(MIB);
      expect(await tool.infoChain(disk)).toHaveLength(1);
      expect(await tool.measure(disk, 'qcow2')).toBeGreaterThan(0);
    } finally {
      writer.kill();
    }
  });

  it('names an external data file', async () => {
    const path = folder.path('outside.qcow2');
    qemuImg('create', '-q', '-f', 'qcow2', '-o', `data_file=${folder.path('data').replaceAll(',', ',,')}`, path, '1M');
    expect((await tool.info({ path, format: 'qcow2' })).dataFile).toBe(folder.path('data'));
  });

  it('takes a VMDK extent in another file for an external data file', async () => {
    const inside = folder.path('inside.vmdk');
    const outside = folder.path('outside.vmdk');
    qemuImg('create', '-q', '-f', 'vmdk', inside, '1M');
    qemuImg('create', '-q', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', outside, '1M');
    expect((await tool.info({ path: inside, format: 'vmdk' })).dataFile).toBeNull();
    expect((await tool.info({ path: outside, format: 'vmdk' })).dataFile).toContain('outside-flat.vmdk');
  });

  it.each(['vdi', 'vhdx', 'vpc'] as const)('reads %s', async (format) => {
    const path = folder.path(`disk.${format}`);
    qemuImg('create', '-q', '-f', format, path, '8M');
    const info = await tool.info({ path, format });
    expect(info).toMatchObject({ format, dataFile: null, backing: null });
    expect(info.virtualSizeBytes).toBeGreaterThanOrEqual(8 * MIB);
  });

  it('takes a raw disk for raw even when its content claims to be a qcow2 with a backing file', async () => {
    const evil = folder.path('evil');
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/passwd', '-F', 'raw', evil, '1M');
    expect(await tool.info({ path: evil, format: 'raw' })).toMatchObject({ format: 'raw', backing: null });
  });

  it('refuses a file that is not of the stated format', async () => {
    const path = folder.path('text');
    writeFileSync(path, 'no header');
    const error = await failureOf(tool.info({ path, format: 'qcow2' }));
    expect(error).toMatchObject({ code: 'QEMU_IMG_FAILED', fields: { subcommand: 'info' } });
    expect(String(error)).toContain('not in qcow2 format');
  });
});

describe('infoChain', () => {
  it('walks from the top to the base, each layer with the format its overlay states', async () => {
    mkdirSync(folder.path('below'));
    const base = { path: folder.path('below/base, 1.raw'), format: 'raw' } as const;
    await tool.create({ ...base, virtualSizeBytes: MIB });
    // What a guest wrote at the start of its raw disk must not be followed.
    writeFileSync(base.path, readFileSync((await createEmpty('header.qcow2')).path));
    const middle = { path: folder.path('middle'), format: 'qcow2' } as const;
    qemuImg('create', '-q', '-f', 'qcow2', '-b', 'below/base, 1.raw', '-F', 'raw', middle.path);
    const top = { path: folder.path('top'), format: 'qcow2' } as const;
    await tool.create({ ...top, backing: middle });
    const chain = await tool.infoChain(top);
    expect(chain.map(({ path, format }) => ({ path, format }))).toEqual([top, middle, base]);
    expect(chain[1]?.backing?.name).toBe('below/base, 1.raw');
  });

  it('follows a name with .. as the kernel does, behind a symbolic link', async () => {
    mkdirSync(folder.path('real/deep'), { recursive: true });
    symlinkSync(folder.path('real/deep'), folder.path('link'));
    await tool.create({ path: folder.path('real/base.qcow2'), format: 'qcow2', virtualSizeBytes: MIB });
    qemuImg('create', '-q', '-f', 'qcow2', '-b', '../base.qcow2', '-F', 'qcow2', folder.path('link/top'));
    expect(await tool.infoChain({ path: folder.path('link/top'), format: 'qcow2' })).toHaveLength(2);
  });

  it('refuses to guess the format of a backing file', async () => {
    const base = await createEmpty('guess-base');
    const top = await createEmpty('guess-top');
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', base.path, '-F', 'qcow2', top.path);
    forgetBackingFormat(top.path);
    const error = await failureOf(tool.infoChain(top));
    expect(error).toMatchObject({ code: 'DISK_UNSUPPORTED', fields: { disk: top.path } });
    expect(String(error)).toContain('does not say what format');
  });

  it.each(['nbd://localhost:1/x', 'http://localhost/x', 'json:{"driver":"null-co"}', 'file:/etc/passwd'])(
    'refuses the backing file %s',
    async (name) => {
      const top = { path: folder.path(`protocol-${name.length}`), format: 'qcow2' } as const;
      qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', name, '-F', 'raw', top.path, '1M');
      expect((await tool.info(top)).backing).toMatchObject({ name, path: name });
      expect(await failureOf(tool.infoChain(top))).toMatchObject({ code: 'DISK_UNSUPPORTED' });
    },
  );

  it('refuses a backing file of a format that is not read', async () => {
    const top = { path: folder.path('dmg'), format: 'qcow2' } as const;
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', '/x', '-F', 'dmg', top.path, '1M');
    expect(String(await failureOf(tool.infoChain(top)))).toContain('has format dmg');
  });

  it('refuses a chain that comes back to itself, also by another name', async () => {
    const top = await createEmpty('loop');
    symlinkSync(top.path, folder.path('loop-link'));
    qemuImg('rebase', '-u', '-f', 'qcow2', '-b', folder.path('loop-link'), '-F', 'qcow2', top.path);
    const error = await failureOf(tool.infoChain(top));
    expect(error).toMatchObject({ code: 'DISK_UNSUPPORTED' });
    expect(String(error)).toContain('comes back to');
  });

  it('says which layer is missing', async () => {
    const base = await createEmpty('gone');
    const top = { path: folder.path('gone-top'), format: 'qcow2' } as const;
    await tool.create({ ...top, backing: base });
    renameSync(base.path, `${base.path}.away`);
    const error = await failureOf(tool.infoChain(top));
    expect(error).toMatchObject({ code: 'DISK_MISSING', fields: { disk: base.path, top: top.path } });
  });

  it('gives up at 200 layers', async () => {
    const bottom = await createEmpty('deep-0');
    let below = bottom.path;
    for (let index = 1; index <= 200; index++) {
      const next = folder.path(`deep-${index}`);
      qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', below, '-F', 'qcow2', next, '1M');
      below = next;
    }
    expect(await tool.infoChain({ path: folder.path('deep-199'), format: 'qcow2' })).toHaveLength(200);
    const error = await failureOf(tool.infoChain({ path: below, format: 'qcow2' }));
    expect(String(error)).toContain('more than 200 layers');
  });
});

/** Turns the header extension that names the backing format (0xe2792aca) into one that nobody knows. */
function forgetBackingFormat(path: string): void {
  const bytes = readFileSync(path);
  const at = bytes.indexOf(Buffer.from('e2792aca', 'hex'));
  expect(at).toBeGreaterThan(0);
  bytes.writeUInt32BE(0x12345678, at);
  writeFileSync(path, bytes);
  qemuIo({ path, format: 'qcow2' }, 'length');
}
