import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DiskAllocation, DiskFile, DiskFileInfo } from '../../src/model/ports/disk-tool.ts';
import type { FakeDisk } from './fake-disk-tool.ts';

const CLUSTER = 65_536;

export function describeFake(disk: DiskFile, found: FakeDisk): DiskFileInfo {
  const { virtualSizeBytes, backing, dataFile, isEncrypted, internalSnapshotCount, bitmaps } = found;
  const { path: name = '', format = null } = backing ?? {};
  return {
    path: disk.path,
    format: disk.format,
    virtualSizeBytes,
    actualSizeBytes: readFileSync(disk.path).length,
    clusterSizeBytes: disk.format === 'qcow2' ? CLUSTER : null,
    backing: backing === null ? null : { name, path: resolveFakeBacking(disk.path, name), format },
    dataFile: dataFile ?? null,
    isEncrypted: isEncrypted ?? false,
    isDirty: false,
    isCorrupt: false,
    internalSnapshotCount: internalSnapshotCount ?? 0,
    bitmaps: (bitmaps ?? []).map((bitmap) => ({ name: bitmap.name, flags: bitmap.flags ?? ['auto'] })),
  };
}

/** The whole text is one cluster. */
export function describeAllocation(disk: FakeDisk): DiskAllocation {
  const extents = disk.content === null ? [] : [{ start: 0, length: CLUSTER, isZero: disk.content === '' }];
  return { clusterSizeBytes: CLUSTER, extents };
}

/** As the header names it, relative to the disk's folder. */
export function resolveFakeBacking(file: string, name: string): string {
  return path.resolve(path.dirname(file), name);
}
