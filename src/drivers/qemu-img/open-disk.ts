import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { type BlockSpec, describeFile, toJsonName } from './block-spec.ts';
import type { DiskKeys } from './disk-keys.ts';
import { readDiskInfo } from './info.ts';
import { readDiskChain } from './info-chain.ts';
import { plainPath } from './run-qemu-img.ts';

export interface Opening {
  readonly keys: DiskKeys;
  /** Below the top layer, in the place of what its header names; null: nothing, the layer alone. */
  readonly backing?: DiskFile | null | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a QEMU tool takes for this disk: its path, or a node in so many words where a layer is encrypted or stands on
 * something else than its header says. Throws what infoChain throws.
 */
export async function nameDisk(disk: DiskFile, opening: Opening): Promise<string> {
  const path = plainPath(disk.path);
  const isPlain = disk.key === undefined && opening.backing === undefined;
  return isPlain ? path : toJsonName(await describeDisk(disk, opening));
}

/** As nameDisk, but of an encrypted disk the top layer only: what changes headers need not open what lies below. */
export async function nameAlone(disk: DiskFile, opening: Opening): Promise<string> {
  return await nameDisk(disk, disk.key === undefined ? opening : { ...opening, backing: null });
}

/** The disk as a node, for a JSON name or for `--blockdev`. */
export async function describeDisk(disk: DiskFile, opening: Opening): Promise<BlockSpec> {
  const { backing } = opening;
  if (backing === undefined) return await describeChain(disk, opening);
  const below = backing === null ? null : await describeChain(backing, opening);
  return { ...(await describeTop(disk, opening)), backing: below };
}

/** Of a chain without a key QEMU opens the layers below by itself, as their headers say. */
async function describeChain(disk: DiskFile, opening: Opening): Promise<BlockSpec> {
  const { key } = disk;
  if (key === undefined) return await describeTop(disk, opening);
  let below: BlockSpec | undefined;
  for (const { path, format, isEncrypted } of [...(await readDiskChain(disk, opening.signal))].reverse()) {
    const file = await describeFile(path);
    const backing = below === undefined ? {} : { backing: below };
    below = { driver: format, file, ...(isEncrypted ? unlockWith(opening.keys.idOf(key)) : {}), ...backing };
  }
  return below ?? (await describeTop(disk, opening));
}

async function describeTop(disk: DiskFile, { keys, signal }: Opening): Promise<BlockSpec> {
  const { key } = disk;
  const top = { driver: disk.format, file: await describeFile(plainPath(disk.path)) };
  if (key === undefined || !(await readDiskInfo(disk, signal)).isEncrypted) return top;
  return { ...top, ...unlockWith(keys.idOf(key)) };
}

function unlockWith(keyId: string): BlockSpec {
  return { encrypt: { format: 'luks', 'key-secret': keyId } };
}
