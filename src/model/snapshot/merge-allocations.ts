import type { DiskAllocation } from '../ports/disk-tool.ts';

type Extent = DiskAllocation['extents'][number];

/** What a layer holds once another was committed into it. */
export function mergeAllocations(below: DiskAllocation, above: DiskAllocation): DiskAllocation {
  const kept = below.extents.flatMap((extent) => cutOut(extent, above.extents));
  const extents = [...kept, ...above.extents].sort((left, right) => left.start - right.start);
  return { clusterSizeBytes: below.clusterSizeBytes, extents };
}

/** Bytes of data that both hold, and that the lower one holds in all. */
export function measureOverlap(
  below: DiskAllocation,
  above: DiskAllocation,
): { readonly dataBytes: number; readonly coveredBytes: number } {
  const data = below.extents.filter(({ isZero }) => !isZero);
  const dataBytes = sumOf(data);
  return { dataBytes, coveredBytes: dataBytes - sumOf(data.flatMap((extent) => cutOut(extent, above.extents))) };
}

/** `holes` in order, not overlapping. */
function cutOut(extent: Extent, holes: readonly Extent[]): readonly Extent[] {
  const parts: Extent[] = [];
  const end = extent.start + extent.length;
  let at = extent.start;
  for (const hole of holes) {
    if (hole.start >= end) break;
    if (hole.start > at) parts.push({ ...extent, start: at, length: hole.start - at });
    at = Math.max(at, hole.start + hole.length);
  }
  if (at < end) parts.push({ ...extent, start: at, length: end - at });
  return parts;
}

function sumOf(extents: readonly Extent[]): number {
  return extents.reduce((sum, { length }) => sum + length, 0);
}
