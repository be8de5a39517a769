import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import { type PlacedFile, placeInStore } from './place-in-store.ts';
import type { SnapshotJob, StagedLayers, VolumeWork } from './volume-work.ts';

/** All files first, then all records: of one instant there are all snapshots, or recovery takes away what there is. */
export async function publishSnapshots(
  context: OperationContext,
  job: SnapshotJob,
  staged: StagedLayers,
  signal: AbortSignal,
): Promise<SnapshotRecord[]> {
  const started = context.clock.monotonicMs();
  const records: SnapshotRecord[] = [];
  for (const work of job.works) {
    const disk = job.plan.disks.find(({ target }) => target === work.disk.target);
    const layer = staged.layers.get(work.disk.target);
    if (disk === undefined || layer === undefined) throw new Error(`nothing was staged of ${work.disk.target}`);
    const file = await placeInStore(context, { job, work, disk, layer }, signal);
    records.push(describe(context, { job, work, staged, file, id: disk.snapshotId }));
  }
  context.operation.addTiming('verifyMs', context.clock.monotonicMs() - started);
  for (const record of records) await context.snapshots.publish(record, job.inspection.savedXml);
  context.operation.addTiming(
    'copiedBytes',
    records.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  );
  return records;
}

function describe(
  { caller, operation }: OperationContext,
  made: {
    readonly job: SnapshotJob;
    readonly work: VolumeWork;
    readonly staged: StagedLayers;
    readonly file: PlacedFile;
    readonly id: string;
  },
): SnapshotRecord {
  const { job, work, staged, file, id } = made;
  const { request, plan, inspection } = job;
  const { owner } = inspection.description;
  return {
    ...{
      id,
      volume: work.volume,
      instance: plan.instanceId,
      instanceName: plan.instanceName,
      target: work.disk.target,
    },
    setId: operation.id,
    createdAt: staged.takenAt,
    description: request.description,
    owner: caller.name,
    // whoever takes a snapshot of somebody's volume makes one that its owner may use
    shares: owner === null || owner === caller.name ? [] : [{ principal: owner, expiresAt: null }],
    status: 'active',
    parent: work.choice.method === 'full' ? null : work.choice.parent.id,
    method: work.choice.method,
    reason: work.choice.reason,
    consistency: staged.consistency,
    logicalBytes: work.logicalBytes,
    ...file,
    isCompressed: request.isCompressed,
    isEncrypted: request.isEncrypted,
    volumeFormat: work.disk.format,
    checkpoint: plan.bitmapTargets.includes(work.disk.target) ? plan.checkpoint : null,
    headAt: work.headAt(new Date(staged.takenAt)),
    isDeleted: false,
    exclusive: null,
    users: [],
    pending: null,
  };
}
