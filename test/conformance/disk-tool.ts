import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concealKey } from '../../src/drivers/keys/conceal-key.ts';
import type { DiskFile, DiskTool } from '../../src/model/ports/disk-tool.ts';
import { expectFailure } from '../support/expect-failure.ts';

/** A disk tool with what a guest would do to its disks: their content is one letter, or none. */
export interface DiskToolRig {
  readonly tool: DiskTool;
  write(disk: DiskFile, letter: string): void;
  /** What a disk that is not encrypted holds, through all its backing files. */
  read(disk: DiskFile): Promise<string>;
}

const SIZE = 4 * 1024 * 1024;

/** What snapshots ask of a disk tool, over the fake and over QEMU's own tools. */
export function describeDiskTool(name: string, rig: DiskToolRig): void {
  describe(name, () => {
    const { tool, write, read } = rig;
    let folder = '';
    beforeAll(() => {
      folder = mkdtempSync('/var/tmp/darkroom-disk-tool-');
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    const at = (file: string) => ({ path: path.join(folder, file), format: 'qcow2' }) as const;

    async function create(file: string, options: { letter?: string; backing?: DiskFile } = {}) {
      const disk = at(file);
      const { letter, backing } = options;
      await tool.create({ ...disk, ...(backing === undefined ? { virtualSizeBytes: SIZE } : { backing }) });
      if (letter !== undefined) write(disk, letter);
      return disk;
    }

    it('re-encodes the top layer alone, over a backing file that is stated', async () => {
      const base = await create('base', { letter: 'a' });
      const layer = await create('layer', { letter: 'b' });
      const empty = await create('empty', { backing: base });
      await tool.convert({ source: layer, target: at('layer-copy'), backing: base, compression: 'zstd' });
      await tool.convert({ source: empty, target: at('empty-copy'), backing: base });
      expect([await read(at('layer-copy')), await read(at('empty-copy'))]).toEqual(['b', 'a']);
      expect((await tool.info(at('layer-copy'))).backing?.path).toBe(base.path);
      expect((await tool.mapAllocation(at('empty-copy'))).extents).toEqual([]);
    });

    it('names a backing file as it is told, relative to the overlay', async () => {
      const base = await create('named', { letter: 'a' });
      const other = await create('other', { letter: 'b' });
      const overlay = await create('overlay', { backing: other });
      await tool.rebase(overlay, { backing: base, isUnsafe: true, backingName: 'named' });
      expect((await tool.info(overlay)).backing).toEqual({ name: 'named', path: base.path, format: 'qcow2' });
      expect(await read(overlay)).toBe('a');
      expect((await tool.infoChain(overlay)).map((layer) => layer.path)).toEqual([overlay.path, base.path]);
    });

    it('begins a layer over what is not looked at, and reads its name back', async () => {
      const overlay = at('begun');
      await tool.create({ ...overlay, virtualSizeBytes: SIZE, backingName: 'begun-below' });
      expect(await tool.readBackingName(overlay.path)).toBe('begun-below');
      const base = await create('begun-below', { letter: 'a' });
      expect(await tool.readBackingName(base.path)).toBeNull();
      expect((await tool.info(overlay)).backing).toEqual({ name: 'begun-below', path: base.path, format: 'qcow2' });
      expect(await read(overlay)).toBe('a');
    });

    it('takes over only what differs from the new backing file', async () => {
      const base = await create('same-1', { letter: 'a' });
      const same = await create('same-2', { letter: 'a' });
      const other = await create('differs', { letter: 'b' });
      const overlay = await create('compared', { backing: base });
      await tool.rebase(overlay, { backing: same });
      expect((await tool.mapAllocation(overlay)).extents).toEqual([]);
      await tool.rebase(overlay, { backing: other });
      expect((await tool.mapAllocation(overlay)).extents).toHaveLength(1);
      expect(await read(overlay)).toBe('a');
    });

    it('merges an overlay into what its relative name leads to', async () => {
      const base = await create('merged', { letter: 'a' });
      const overlay = await create('merging', { backing: base, letter: 'b' });
      await tool.rebase(overlay, { backing: base, isUnsafe: true, backingName: 'merged' });
      await tool.resize(overlay, 2 * SIZE);
      await tool.commit(overlay);
      expect(await read(base)).toBe('b');
      expect((await tool.info(base)).virtualSizeBytes).toBe(2 * SIZE);
    });

    it('copies what has changed since a bitmap began, and nothing when nothing has', async () => {
      const source = await create('source', { letter: 'a' });
      await tool.addBitmap(source, 'since');
      const before = await create('before');
      await tool.copyDirty({ source, bitmap: 'since', target: before });
      expect((await tool.mapAllocation(before)).extents).toEqual([]);
      write(source, 'b');
      const after = await create('after');
      await tool.copyDirty({ source, bitmap: 'since', target: after });
      expect(await read(after)).toBe('b');
      expect((await tool.mapAllocation(after)).extents).toHaveLength(1);
    });

    it('keeps the bitmaps of a disk apart by their names', async () => {
      const disk = await create('bitmaps');
      await tool.addBitmap(disk, 'one');
      await tool.addBitmap(disk, 'two');
      await expectFailure(tool.addBitmap(disk, 'two'), 'QEMU_IMG_FAILED');
      await tool.removeBitmap(disk, 'one');
      expect((await tool.info(disk)).bitmaps).toEqual([{ name: 'two', flags: ['auto'] }]);
      await expectFailure(tool.copyDirty({ source: disk, bitmap: 'one', target: disk }), 'QEMU_IMG_FAILED');
    });

    it('opens what is encrypted with its key only', async () => {
      const key = concealKey('the key of this suite');
      const source = await create('plain', { letter: 'a' });
      const sealed = { ...at('sealed'), key };
      await tool.convert({ source, target: sealed });
      expect((await tool.info(at('sealed'))).isEncrypted).toBe(true);
      expect(await tool.compare(source, sealed)).toBe(true);
      await expectFailure(tool.check(at('sealed')), 'ENCRYPTION_KEY_MISSING');
      const wrong = { ...sealed, key: concealKey('another key altogether') };
      await expectFailure(tool.check(wrong), 'ENCRYPTION_KEY_WRONG');
      await expectFailure(
        tool.convert({ source, target: { ...at('x'), key }, compression: 'zstd' }),
        'DISK_UNSUPPORTED',
      );
    });

    it('offers a disk until it is disposed', async () => {
      const disk = await create('offered', { letter: 'a' });
      const socketPath = path.join(folder, 'nbd.sock');
      const filePath = path.join(folder, 'shown.raw');
      writeFileSync(filePath, '');
      const offers = [
        await tool.exportNbd(disk, { socketPath, name: 'disk' }),
        await tool.exportFile(disk, { filePath }),
      ];
      expect(existsSync(socketPath)).toBe(true);
      await expectFailure(tool.exportNbd(disk, { socketPath, name: 'disk' }), 'QEMU_IMG_FAILED');
      await expectFailure(tool.exportFile(disk, { filePath }), 'QEMU_IMG_FAILED');
      for (const offer of offers) {
        await offer[Symbol.asyncDispose]();
        await offer.ended;
      }
      expect(existsSync(socketPath)).toBe(false);
    });
  });
}
