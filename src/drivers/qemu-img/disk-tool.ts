import type { DiskTool } from '../../model/ports/disk-tool.ts';
import { removeDiskBitmap } from './bitmap.ts';
import { checkDisk } from './check.ts';
import { commitDisk } from './commit.ts';
import { compareDisks } from './compare.ts';
import { convertDisk } from './convert.ts';
import { createDisk } from './create.ts';
import { holdDisk } from './hold.ts';
import { readDiskInfo } from './info.ts';
import { readDiskChain } from './info-chain.ts';
import { measureDisk } from './measure.ts';
import { rebaseDisk } from './rebase.ts';
import { resizeDisk } from './resize.ts';
import { readVersion } from './version.ts';

export interface DiskToolOptions {
  /** For every convert that does not state its own. 0, the default: unlimited. */
  readonly bandwidthBytesPerSecond?: number;
}

/**
 * The disk tool over the qemu-img of this host (https://www.qemu.org/docs/master/tools/qemu-img.html). All paths are
 * absolute. A chain is only opened as a whole (convert, measure, check, compare, rebase, commit) after infoChain has
 * accepted it: QEMU itself would guess the format of a layer whose overlay does not state it.
 */
export function createDiskTool(options: DiskToolOptions = {}): DiskTool {
  return {
    version: readVersion,
    create: createDisk,
    info: readDiskInfo,
    infoChain: readDiskChain,
    convert: (request, signal) => convertDisk({ ...options, ...request }, signal),
    measure: measureDisk,
    check: checkDisk,
    compare: compareDisks,
    rebase: rebaseDisk,
    commit: commitDisk,
    holdForReading: holdDisk,
    resize: resizeDisk,
    removeBitmap: removeDiskBitmap,
  };
}
