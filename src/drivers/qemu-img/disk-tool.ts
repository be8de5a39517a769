import type { DiskTool } from '../../model/ports/disk-tool.ts';
import { addDiskBitmap, removeDiskBitmap } from './bitmap.ts';
import { checkDisk } from './check.ts';
import { commitDisk } from './commit.ts';
import { compareDisks } from './compare.ts';
import { convertDisk } from './convert.ts';
import { copyDirty } from './copy-dirty.ts';
import { createDisk } from './create.ts';
import { exportAsFile } from './export-file.ts';
import { exportOverNbd } from './export-nbd.ts';
import { holdDisk } from './hold.ts';
import { readDiskInfo } from './info.ts';
import { readDiskChain } from './info-chain.ts';
import { mapDisk } from './map.ts';
import { measureDisk } from './measure.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { rebaseDisk } from './rebase.ts';
import { resizeDisk } from './resize.ts';
import type { Priority } from './run-qemu-img.ts';
import { readVersion } from './version.ts';

export interface DiskToolOptions {
  /** For every convert that does not state its own. 0, the default: unlimited. */
  readonly bandwidthBytesPerSecond?: number;
  /** Of whatever moves much data (convert, rebase, commit, compare, copyDirty); asked for at every start. */
  readonly priority?: () => Priority;
}

/**
 * The disk tool over the qemu-img of this host (https://www.qemu.org/docs/master/tools/qemu-img.html). All paths are
 * absolute. A chain is only opened as a whole (convert, measure, check, compare, rebase, commit) after infoChain has
 * accepted it: QEMU itself would guess the format of a layer whose overlay does not state it.
 */
export function createDiskTool(options: DiskToolOptions = {}): DiskTool {
  const { bandwidthBytesPerSecond = 0 } = options;
  const prioritised = (): { readonly priority?: Priority } =>
    options.priority === undefined ? {} : { priority: options.priority() };
  return {
    version: readVersion,
    create: createDisk,
    readBackingName: async (path) => (await readQcow2Header(path)).backingName,
    info: readDiskInfo,
    infoChain: readDiskChain,
    convert: (request, signal) => convertDisk({ bandwidthBytesPerSecond, ...request, ...prioritised() }, signal),
    measure: measureDisk,
    check: checkDisk,
    compare: (left, right, signal) => compareDisks(left, right, { signal, ...prioritised() }),
    rebase: (disk, request, signal) => rebaseDisk(disk, { ...request, ...prioritised() }, signal),
    commit: (disk, request, signal) => commitDisk(disk, { ...request, ...prioritised() }, signal),
    holdForReading: holdDisk,
    resize: resizeDisk,
    removeBitmap: removeDiskBitmap,
    addBitmap: addDiskBitmap,
    copyDirty: (request, signal) => copyDirty({ ...request, ...prioritised() }, signal),
    mapAllocation: mapDisk,
    exportNbd: exportOverNbd,
    exportFile: exportAsFile,
  };
}
