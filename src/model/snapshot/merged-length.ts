import type { DiskAllocation } from '../ports/disk-tool.ts';
import { count, cut, type Range, refcountBlocks, tablesOf, toRanges } from './exclusive-size.ts';

export interface LengthMerge {
  readonly from: DiskAllocation;
  readonly into: DiskAllocation;
  /** Lengths of their files, holes included. */
  readonly fromBytes: number;
  readonly intoBytes: number;
  /** Sizes of their volumes. */
  readonly fromLogicalBytes: number;
  readonly intoLogicalBytes: number;
}

export interface MergedLength {
  readonly bytes: number;
  /** QEMU finds holes in the file, and how much of them it fills is its own affair. */
  readonly isEstimate: boolean;
}

/**
 * How long the file gets that replaces that of `into`, for stores that bill an object's length: a file of QEMU never gets shorter, so
 * that what a merge lets go of stays in it as holes, which what comes later in the volume fills.
 */
export function predictMergedLength(merge: LengthMerge): MergedLength {
  const { fromLogicalBytes, intoLogicalBytes } = merge;
  return intoLogicalBytes < fromLogicalBytes ? predictRebased(merge) : predictCommitted(merge);
}

/** The child is committed into a copy of the other file, from the first cluster to the last. */
function predictCommitted({ from, into, fromBytes }: LengthMerge): MergedLength {
  const { clusterSizeBytes: clusterBytes } = from;
  const kept = toRanges(from, { clusterBytes, isZero: false });
  const written = toRanges(into, { clusterBytes, isZero: false });
  const holes = intersect(toRanges(into, { clusterBytes, isZero: true }), kept);
  const events = [
    ...holes.map((range) => ({ ...range, isHole: true })),
    ...subtract(written, kept).map((range) => ({ ...range, isHole: false })),
  ].sort((left, right) => left.first - right.first);
  let free = 0;
  let grown = 0;
  for (const { first, end, isHole } of events) {
    const filled = isHole ? 0 : Math.min(free, end - first);
    free += isHole ? end - first : -filled;
    grown += isHole ? 0 : end - first - filled;
  }
  const all = toRanges(from, { clusterBytes });
  const tables = tablesOf([...all, ...toRanges(into, { clusterBytes })], clusterBytes) - tablesOf(all, clusterBytes);
  return { bytes: grow(fromBytes, grown + tables, clusterBytes), isEstimate: holes.length > 0 };
}

/** Of a volume that shrank: what the child has not is written into a copy of its own file, unless the next one below has the same. */
function predictRebased({ from, into, intoBytes, intoLogicalBytes }: LengthMerge): MergedLength {
  const { clusterSizeBytes: clusterBytes } = into;
  const end = Math.ceil(intoLogicalBytes / clusterBytes);
  const above = toRanges(into, { clusterBytes });
  const copied = subtract(cut(toRanges(from, { clusterBytes, isZero: false }), end), above);
  const tables = tablesOf([...above, ...copied], clusterBytes) - tablesOf(above, clusterBytes);
  return { bytes: grow(intoBytes, count(copied) + tables, clusterBytes), isEstimate: true };
}

function grow(fileBytes: number, clusters: number, clusterBytes: number): number {
  if (clusters === 0) return fileBytes;
  const bytes = (Math.ceil(fileBytes / clusterBytes) + clusters) * clusterBytes;
  return bytes + clusterBytes * (refcountBlocks(bytes, clusterBytes) - refcountBlocks(fileBytes, clusterBytes));
}

/** Both in order, as all that follows. */
function intersect(left: readonly Range[], right: readonly Range[]): readonly Range[] {
  const shared: Range[] = [];
  for (let at = 0, other = 0; ; ) {
    const [one, two] = [left[at], right[other]];
    if (one === undefined || two === undefined) return shared;
    const both = { first: Math.max(one.first, two.first), end: Math.min(one.end, two.end) };
    if (both.first < both.end) shared.push(both);
    if (one.end <= two.end) at += 1;
    else other += 1;
  }
}

function subtract(left: readonly Range[], right: readonly Range[]): readonly Range[] {
  const rest: Range[] = [];
  const shared = intersect(left, right);
  let at = 0;
  for (const { first, end } of left) {
    let from = first;
    for (let next = shared[at]; next !== undefined && next.end <= end; next = shared[at]) {
      if (from < next.first) rest.push({ first: from, end: next.first });
      from = next.end;
      at += 1;
    }
    if (from < end) rest.push({ first: from, end });
  }
  return rest;
}
