import type { DiskAllocation } from '../../../model/ports/disk-tool.ts';
import { predictMerge } from '../../../model/snapshot/exclusive-size.ts';
import { measureOverlap, mergeAllocations } from '../../../model/snapshot/merge-allocations.ts';
import { type MergedLength, predictMergedLength } from '../../../model/snapshot/merged-length.ts';
import { type DeletePlan, planDelete } from '../../../model/snapshot/plan-delete.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { type Family, requireRecord } from './list-family.ts';
import { snapshotDisk } from './read-source.ts';

const HEADER_CLUSTER_BYTES = 65_536;
const BLOCK_BYTES = 4096;

/** A file as the steps before leave it. */
interface Layer {
  readonly record: SnapshotRecord;
  readonly storedBytes: number;
  readonly allocation: DiskAllocation | null;
  readonly isEstimate: boolean;
}

export interface PredictedRemoval {
  readonly plan: DeletePlan;
  readonly freedBytes: number;
  /** It cannot be known before. */
  readonly isEstimate: boolean;
}

/**
 * What removing it frees. Where files are merged it looks at what they hold; compressed ones can only be estimated, and of encrypted ones
 * up to 2 MiB more are freed, since a copy leaves out the zeroes of their key slots.
 */
export async function predictRemoval(core: Core, family: Family, id: string): Promise<PredictedRemoval> {
  const plan = planDelete(family.nodes, id);
  const layers = new Map<string, Layer>(family.records.map((record) => [record.id, toLayer(record)]));
  const layerOf = (wanted: string): Layer =>
    layers.get(wanted) ?? { ...toLayer(requireRecord(family, wanted)), storedBytes: 0 };
  const before = sumOf(layers);
  for (const step of plan.steps) {
    if (step.kind === 'merge') layers.set(step.into, await predictMerged(core, layerOf(step.from), layerOf(step.into)));
    layers.delete(step.kind === 'merge' ? step.from : step.id);
  }
  const isEstimate = [...layers.values()].some((layer) => layer.isEstimate);
  return { plan, freedBytes: before - sumOf(layers), isEstimate };
}

/** Bytes that the file of `into` takes when what it needs of `from` is merged into it. */
export async function predictMergedBytes(core: Core, from: SnapshotRecord, into: SnapshotRecord): Promise<number> {
  return (await predictMerged(core, toLayer(from), toLayer(into))).storedBytes;
}

function toLayer(record: SnapshotRecord): Layer {
  return { record, storedBytes: record.storedBytes, allocation: null, isEstimate: false };
}

async function predictMerged(core: Core, from: Layer, into: Layer): Promise<Layer> {
  const [below, above] = await Promise.all([readAllocation(core, from), readAllocation(core, into)]);
  const merged = predictBytes(core, { from, into, below, above });
  const isEstimate = merged.isEstimate || from.isEstimate || into.isEstimate;
  return {
    ...{ record: into.record, storedBytes: merged.bytes, isEstimate },
    allocation: mergeAllocations(below, above),
  };
}

interface MergeWork {
  readonly from: Layer;
  readonly into: Layer;
  readonly below: DiskAllocation;
  readonly above: DiskAllocation;
}

function predictBytes({ store }: Core, work: MergeWork): MergedLength {
  const { from, into, below, above } = work;
  if (!isExact(from, into)) return { bytes: estimate(work), isEstimate: true };
  const { logicalBytes } = into.record;
  if (store.keepsFilesHere) {
    const fromStoredBytes = copiedBytes(from);
    const bytes = predictMerge({ from: below, into: above, fromStoredBytes, intoLogicalBytes: logicalBytes });
    return { bytes, isEstimate: false };
  }
  return predictMergedLength({
    ...{ from: below, into: above, fromBytes: from.storedBytes, intoBytes: into.storedBytes },
    ...{ fromLogicalBytes: from.record.logicalBytes, intoLogicalBytes: logicalBytes },
  });
}

async function readAllocation(core: Core, { record, allocation }: Layer): Promise<DiskAllocation> {
  return allocation ?? (await core.diskTool.mapAllocation(await snapshotDisk(core, record)));
}

/**
 * A copy by bytes fills the hole that QEMU leaves behind a file's header. Where blocks are shared instead the hole stays, and the delete
 * frees that little more than was said.
 */
function copiedBytes({ record, storedBytes }: Layer): number {
  const holeBytes = record.sizeBytes - storedBytes;
  const isHeaderHole = storedBytes === record.storedBytes && holeBytes > 0 && holeBytes < HEADER_CLUSTER_BYTES;
  return isHeaderHole ? Math.ceil(record.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES : storedBytes;
}

function isExact(...layers: readonly Layer[]): boolean {
  return layers.every(({ record }) => !record.isCompressed);
}

/** How small a cluster gets when it is compressed cannot be told before: as small as others of its file. */
function estimate(work: MergeWork): number {
  const { dataBytes, coveredBytes } = measureOverlap(work.below, work.above);
  const share = dataBytes === 0 ? 0 : 1 - coveredBytes / dataBytes;
  return Math.round(work.from.storedBytes * share) + work.into.storedBytes;
}

function sumOf(layers: ReadonlyMap<string, Layer>): number {
  return [...layers.values()].reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}
