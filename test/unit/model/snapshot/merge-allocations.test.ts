import { describe, expect, it } from 'vitest';
import { measureOverlap, mergeAllocations } from '../../../../src/model/snapshot/merge-allocations.ts';

const extent = (start: number, length: number, isZero = false) => ({ start, length, isZero });
const layer = (...extents: readonly ReturnType<typeof extent>[]) => ({ clusterSizeBytes: 1, extents });

describe('layers that are merged', () => {
  it('hold what the upper one holds, and of the lower one what lies beside it', () => {
    const below = layer(extent(0, 10), extent(20, 10, true));
    const above = layer(extent(4, 2, true), extent(8, 14));
    expect(mergeAllocations(below, above).extents).toEqual([
      extent(0, 4),
      extent(4, 2, true),
      extent(6, 2),
      extent(8, 14),
      extent(22, 8, true),
    ]);
  });

  it('share the data that both hold, zeroes not counted', () => {
    const below = layer(extent(0, 10), extent(20, 10, true));
    expect(measureOverlap(below, layer(extent(8, 20)))).toEqual({ dataBytes: 10, coveredBytes: 2 });
    expect(measureOverlap(layer(), layer(extent(0, 5)))).toEqual({ dataBytes: 0, coveredBytes: 0 });
  });
});
