import { describe, expect, it } from 'vitest';
import type { DiskAllocation } from '../../../../src/model/ports/disk-tool.ts';
import { exclusiveBytes, predictMerge } from '../../../../src/model/snapshot/exclusive-size.ts';
import { createDice } from './dice.ts';

const KIB = 1024;
const CLUSTER = 64 * KIB;
const TABLE_CLUSTERS = 8192;
/** Header, its tables and one refcount block of a fresh file. */
const EMPTY = 4 * KIB + 3 * CLUSTER;

type Extent = readonly [firstCluster: number, clusters: number, kind?: 'zero'];

function allocation(...extents: readonly Extent[]): DiskAllocation {
  return {
    clusterSizeBytes: CLUSTER,
    extents: extents.map(([first, clusters, kind]) => ({
      start: first * CLUSTER,
      length: clusters * CLUSTER,
      isZero: kind === 'zero',
    })),
  };
}

describe('predictMerge', () => {
  const stored = 10 * 1024 * KIB;
  it.each([
    ['a child that holds nothing', [[0, 4]], [], 0],
    ['a child that replaces what is there', [[0, 4]], [[1, 2]], 0],
    ['clusters that are new', [[0, 4]], [[4, 3]], 3],
    ['clusters of which some are new', [[0, 4]], [[2, 5]], 3],
    [
      'clusters among those that are there',
      [
        [0, 2],
        [10, 2],
      ],
      [[1, 10]],
      8,
    ],
    ['zeroes that cover data', [[0, 4]], [[1, 2, 'zero']], -2],
    ['zeroes that cover nothing', [[0, 4]], [[6, 2, 'zero']], 0],
    ['data over zeroes', [[0, 4, 'zero']], [[1, 2]], 2],
    [
      'data behind zeroes',
      [[0, 4]],
      [
        [0, 1, 'zero'],
        [6, 1],
      ],
      0,
    ],
    ['a table that is new', [[0, 1]], [[TABLE_CLUSTERS, 1]], 2],
    ['a table for nothing but zeroes', [[0, 1]], [[TABLE_CLUSTERS, 1, 'zero']], 1],
    ['data that needs several tables', [], [[TABLE_CLUSTERS - 1, 2]], 4],
  ] as const)('knows %s', (_, below, above, clusters) => {
    const merge = { from: allocation(...below), into: allocation(...above), fromStoredBytes: stored };
    expect(predictMerge(merge)).toBe(stored + clusters * CLUSTER);
  });

  it('counts the last cluster of a volume whose size is no multiple of it as one', () => {
    const into = { clusterSizeBytes: CLUSTER, extents: [{ start: 2 * CLUSTER, length: 512, isZero: false }] };
    expect(predictMerge({ from: allocation([0, 1]), into, fromStoredBytes: stored })).toBe(stored + CLUSTER);
  });

  it('cuts off what lies beyond a smaller child, with its tables', () => {
    const from = allocation([0, 4], [TABLE_CLUSTERS, 2]);
    const merge = { from, into: allocation([1, 1]), fromStoredBytes: stored, intoLogicalBytes: 3 * CLUSTER };
    expect(predictMerge(merge)).toBe(stored - 4 * CLUSTER);
  });

  it('adds a refcount block for each 2 GiB that the file grows by', () => {
    const clusters = 4 * TABLE_CLUSTERS;
    const merge = { from: allocation([0, 1]), into: allocation([1, clusters]), fromStoredBytes: stored };
    // that many clusters, their 4 new tables, and a second refcount block
    expect(predictMerge(merge)).toBe(stored + (clusters + 4 + 1) * CLUSTER);
  });

  it('is the size of the real file, whatever both hold', () => {
    const { below } = createDice(64);
    const throwLayer = (): ReadonlyMap<number, 'data' | 'zero'> =>
      new Map(
        Array.from({ length: below(30) }, () => [
          below(3) * TABLE_CLUSTERS + below(12),
          below(4) === 0 ? 'zero' : 'data',
        ]),
      );
    for (let round = 0; round < 500; round += 1) {
      const [lower, upper] = [throwLayer(), throwLayer()];
      const merge = { from: toAllocation(lower), into: toAllocation(upper), fromStoredBytes: sizeOf(lower) };
      expect(predictMerge(merge)).toBe(sizeOf(new Map([...lower, ...upper])));
    }
  });
});

describe('exclusiveBytes', () => {
  it('is the whole file of a snapshot without children', () => {
    expect(exclusiveBytes(700, [])).toBe(700);
  });

  it('is what two files have more than the one that takes their place', () => {
    expect(exclusiveBytes(700, [{ storedBytes: 500, mergedBytes: 900 }])).toBe(300);
  });

  it('is nothing while two others need it', () => {
    const child = { storedBytes: 500, mergedBytes: 900 };
    expect(exclusiveBytes(700, [child, child])).toBe(0);
  });
});

/** As QEMU lays such a file out: a fresh one, without what an earlier content left behind. */
function sizeOf(layer: ReadonlyMap<number, 'data' | 'zero'>): number {
  const tables = new Set([...layer.keys()].map((cluster) => Math.floor(cluster / TABLE_CLUSTERS)));
  const data = [...layer.values()].filter((kind) => kind === 'data');
  return EMPTY + (tables.size + data.length) * CLUSTER;
}

function toAllocation(layer: ReadonlyMap<number, 'data' | 'zero'>): DiskAllocation {
  const clusters = [...layer].sort(([left], [right]) => left - right);
  return allocation(...clusters.map(([at, kind]): Extent => (kind === 'zero' ? [at, 1, 'zero'] : [at, 1])));
}
