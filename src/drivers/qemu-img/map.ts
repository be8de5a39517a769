import { z } from 'zod';
import type { DiskAllocation, DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { readDiskInfo } from './info.ts';
import { nameDisk } from './open-disk.ts';
import { parseJson } from './parse-json.ts';
import { readQcow2Header } from './qcow2-header.ts';
import { plainPath, runQemuImg } from './run-qemu-img.ts';

/** Where a format has no clusters (raw): QEMU's own unit of what has changed. */
const DEFAULT_CLUSTER_BYTES = 65_536;

/** MapEntry of QEMU's block-core schema; lengths in bytes. */
const mapSchema = z.array(
  z.object({
    start: z.number().int().nonnegative(),
    length: z.number().int().nonnegative(),
    present: z.boolean(),
    zero: z.boolean(),
    data: z.boolean(),
  }),
);

type MapEntry = z.infer<typeof mapSchema>[number];
type Extent = DiskAllocation['extents'][number];

/**
 * `qemu-img map` of this layer alone: its backing file need not be there. Zeroes that take no space and data are told
 * apart; what the layer does not hold is left out. Bytes.
 */
export async function mapDisk(disk: DiskFile, signal?: AbortSignal): Promise<DiskAllocation> {
  const path = plainPath(disk.path);
  const keys = collectKeys();
  const name = await nameDisk(disk, { keys, backing: null, signal });
  const args = ['--force-share', '--output=json', '-f', disk.format, '--', name];
  const { stdout } = await runQemuImg('map', args, { on: path, keys, ...(signal && { signal }) });
  const entries = parseJson(stdout, mapSchema, { subcommand: 'map', disk: path });
  return { clusterSizeBytes: await readClusterSize(disk, signal), extents: toExtents(entries) };
}

/** Once QEMU has opened it: what is missing or no disk at all was found out by that. */
async function readClusterSize(disk: DiskFile, signal?: AbortSignal): Promise<number> {
  if (disk.format === 'qcow2') return (await readQcow2Header(disk.path)).clusterSizeBytes;
  return (await readDiskInfo(disk, signal)).clusterSizeBytes ?? DEFAULT_CLUSTER_BYTES;
}

/** Neighbours of one kind become one: QEMU ends an entry wherever the data goes on elsewhere in the file. */
export function toExtents(entries: readonly MapEntry[]): readonly Extent[] {
  const extents: Extent[] = [];
  for (const { start, length, present, zero, data } of entries) {
    if (!present || length === 0) continue;
    const isZero = zero && !data;
    const last = extents.at(-1);
    const continues = last !== undefined && last.isZero === isZero && last.start + last.length === start;
    if (continues) extents[extents.length - 1] = { ...last, length: last.length + length };
    else extents.push({ start, length, isZero });
  }
  return extents;
}
