import type { DiskFileInfo } from '../ports/disk-tool.ts';
import type { SnapshotRecord } from './snapshot.ts';

/** What the header of a snapshot's file says of the one below it: a name within the folder. */
export function backingNameOf({ parent }: Pick<SnapshotRecord, 'parent'>): string | null {
  return parent === null ? null : `${parent}.qcow2`;
}

/** What the header of a snapshot's file says that its record does not; null when the two agree. */
export function judgeLayer(
  snapshot: Pick<SnapshotRecord, 'parent' | 'logicalBytes' | 'isEncrypted'>,
  info: DiskFileInfo,
): string | null {
  if (info.format !== 'qcow2') return `its format is ${info.format} instead of qcow2`;
  if (info.virtualSizeBytes !== snapshot.logicalBytes) {
    return `its virtual size is ${info.virtualSizeBytes} bytes instead of ${snapshot.logicalBytes}`;
  }
  if (info.dataFile !== null) return `it keeps its data in another file, ${JSON.stringify(info.dataFile)}`;
  if (info.isEncrypted !== snapshot.isEncrypted) {
    return info.isEncrypted ? 'it is encrypted and should not be' : 'it is not encrypted and should be';
  }
  if (info.isCorrupt) return 'it is marked corrupt';
  return judgeBacking(snapshot, info);
}

function judgeBacking(snapshot: Pick<SnapshotRecord, 'parent'>, { backing }: DiskFileInfo): string | null {
  const [expected, seen] = [backingNameOf(snapshot), backing?.name ?? null];
  if (seen !== expected) return `its backing file is ${quote(seen)} instead of ${quote(expected)}`;
  if (backing !== null && backing.format !== 'qcow2') {
    return `its backing file is to be read as ${backing.format ?? 'whatever it looks like'} instead of as qcow2`;
  }
  return null;
}

function quote(name: string | null): string {
  return name === null ? 'none' : JSON.stringify(name);
}
