import type { DiskAllocation } from '../ports/disk-tool.ts';

/** Bytes of an entry of a table of clusters (docs/interop/qcow2.txt, L2 table entry). */
const ENTRY_BYTES = 8;
/** Bytes of a cluster's reference count, 16 bits by default (the same, refcount_order). */
const REFCOUNT_BYTES = 2;

/** Clusters from `first` to before `end`. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

export interface Merge {
  /** What goes: a copy of its file takes the clusters of the other over. */
  readonly from: DiskAllocation;
  /** Its only child, whose file the copy replaces. */
  readonly into: DiskAllocation;
  readonly fromStoredBytes: number;
  /** Size of the child's volume, where that is smaller than the other's: what lies beyond it is cut off. */
  readonly intoLogicalBytes?: number;
}

/**
 * Bytes that the file takes which replaces that of `into`: exact to the cluster, for files whose clusters are not compressed and
 * were written once, as those of snapshots are. Zeroes of the child free what they cover.
 */
export function predictMerge({ from, into, fromStoredBytes, intoLogicalBytes }: Merge): number {
  const clusterBytes = from.clusterSizeBytes;
  const end = Math.ceil((intoLogicalBytes ?? Number.POSITIVE_INFINITY) / clusterBytes);
  const below = { data: toRanges(from, { clusterBytes, isZero: false }), all: toRanges(from, { clusterBytes }) };
  const above = { data: toRanges(into, { clusterBytes, isZero: false }), all: toRanges(into, { clusterBytes }) };
  const zeroes = toRanges(into, { clusterBytes, isZero: true });
  const kept = cut(below.data, end);
  const newClusters = count(above.data) - countShared(above.data, kept);
  const lostClusters = count(below.data) - count(kept) + countShared(zeroes, kept);
  const newTables = tablesOf([...cut(below.all, end), ...above.all], clusterBytes) - tablesOf(below.all, clusterBytes);
  const bytes = fromStoredBytes + clusterBytes * (newClusters - lostClusters + newTables);
  return bytes + clusterBytes * (refcountBlocks(bytes, clusterBytes) - refcountBlocks(fromStoredBytes, clusterBytes));
}

/**
 * What deleting a snapshot frees. `mergedBytes` is what its only child's file will take; with more children nothing goes, without
 * any the whole file does. A merge that would need more than both have frees less than nothing.
 */
export function exclusiveBytes(
  storedBytes: number,
  children: readonly { readonly storedBytes: number; readonly mergedBytes: number }[],
): number {
  const [child, ...others] = children;
  if (child === undefined) return storedBytes;
  return others.length > 0 ? 0 : storedBytes + child.storedBytes - child.mergedBytes;
}

export function toRanges(
  { extents }: DiskAllocation,
  options: { readonly clusterBytes: number; readonly isZero?: boolean },
): readonly Range[] {
  const { clusterBytes, isZero } = options;
  return extents
    .filter((extent) => extent.length > 0 && (isZero === undefined || extent.isZero === isZero))
    .map(({ start, length }) => ({
      first: Math.floor(start / clusterBytes),
      end: Math.ceil((start + length) / clusterBytes),
    }));
}

export function cut(ranges: readonly Range[], end: number): readonly Range[] {
  return ranges.filter(({ first }) => first < end).map((range) => ({ ...range, end: Math.min(range.end, end) }));
}

export function count(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { first, end }) => sum + end - first, 0);
}

/** Both in order. */
function countShared(left: readonly Range[], right: readonly Range[]): number {
  let shared = 0;
  for (let at = 0, other = 0; ; ) {
    const [one, two] = [left[at], right[other]];
    if (one === undefined || two === undefined) return shared;
    shared += Math.max(0, Math.min(one.end, two.end) - Math.max(one.first, two.first));
    if (one.end <= two.end) at += 1;
    else other += 1;
  }
}

/** Tables that lead to those clusters; one leads to clusterBytes / 8 of them. */
export function tablesOf(ranges: readonly Range[], clusterBytes: number): number {
  const clusters = clusterBytes / ENTRY_BYTES;
  const tables = new Set<number>();
  for (const { first, end } of ranges) {
    for (let table = Math.floor(first / clusters); table * clusters < end; table += 1) tables.add(table);
  }
  return tables.size;
}

/** One counts the clusters of clusterBytes² / 2 bytes of the file. */
export function refcountBlocks(fileBytes: number, clusterBytes: number): number {
  return Math.ceil(fileBytes / (clusterBytes * (clusterBytes / REFCOUNT_BYTES)));
}
