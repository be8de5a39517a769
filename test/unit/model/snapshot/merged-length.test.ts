import { describe, expect, it } from 'vitest';
import type { DiskAllocation } from '../../../../src/model/ports/disk-tool.ts';
import { type LengthMerge, predictMergedLength } from '../../../../src/model/snapshot/merged-length.ts';

const CLUSTER = 65_536;
/** A header, tables and so on; not whole clusters. */
const FROM_BYTES = 10 * CLUSTER - 512;
const INTO_BYTES = 7 * CLUSTER;

/** Clusters with data, and such that read as zeroes. */
function allocation(text: string): DiskAllocation {
  const extents = [...text].flatMap((letter, index) =>
    letter === '.' ? [] : [{ start: index * CLUSTER, length: CLUSTER, isZero: letter === '0' }],
  );
  return { clusterSizeBytes: CLUSTER, extents };
}

function predict(from: string, into: string, changes: Partial<LengthMerge> = {}) {
  const bytes = 64 * CLUSTER;
  return predictMergedLength({
    ...{ from: allocation(from), into: allocation(into), fromBytes: FROM_BYTES, intoBytes: INTO_BYTES },
    ...{ fromLogicalBytes: bytes, intoLogicalBytes: bytes, ...changes },
  });
}

describe('the length of a file that another was merged into', () => {
  it.each([
    ['xxxx', '....', 0, false],
    ['xxxx', 'xx..', 0, false],
    ['xx..', '.xxx', 2, false],
    ['x..x', 'xxxx', 2, false],
    ['xxxx', '..00', 0, true],
    // holes are filled by what comes behind them, not by what comes before
    ['xxxx....', '.00.xx..', 0, true],
    ['xxxx....', '.0..xxx.', 2, true],
    ['...xx', 'xx.00', 2, true],
    // zeroes over nothing leave none
    ['xx..', '..00', 0, false],
  ] as const)('%s and %s: %i clusters more', (from, into, clusters, isEstimate) => {
    const bytes = clusters === 0 ? FROM_BYTES : (10 + clusters) * CLUSTER;
    expect(predict(from, into)).toEqual({ bytes, isEstimate });
  });

  it('has room for the tables that lead to new clusters', () => {
    expect(predict('....', 'x...').bytes).toBe(12 * CLUSTER);
  });

  it('is that of the upper one with what it needs of the other where the volume shrank', () => {
    const shrunk = { intoLogicalBytes: 4 * CLUSTER };
    expect(predict('xxxxxx', '.x0.', shrunk)).toEqual({ bytes: INTO_BYTES + 2 * CLUSTER, isEstimate: true });
    expect(predict('.x..xx', '.x..', shrunk)).toEqual({ bytes: INTO_BYTES, isEstimate: true });
  });

  it('is known soon for disks in very many pieces', () => {
    const pieces = allocation('x.'.repeat(50_000));
    const others = allocation('.x'.repeat(50_000));
    expect(predict('', '', { from: pieces, into: others }).bytes).toBeGreaterThan(50_000 * CLUSTER);
  }, 2_000);
});
