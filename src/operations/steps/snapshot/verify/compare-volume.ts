import { describeDomain } from '../../../../model/domain-xml/describe-domain.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import { findHead } from '../../../../model/snapshot/lineage.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { NOTHING_SERVED, type ServePlan } from '../../../serve-plan.ts';
import type { Core, OperationContext } from '../../../support/context.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { undoAndSettle } from '../../undo-and-settle.ts';
import { removeServed, servedPath } from '../mount/served.ts';
import { snapshotDisk } from '../read-source.ts';
import { verifyFailed } from './failed.ts';

export interface ComparableVolume {
  readonly instance: string;
  readonly path: string;
  /** Tells what changed since the snapshot. */
  readonly bitmap: string;
}

/** The volume itself, where it is here, off, and knows what changed since just this snapshot; null otherwise. */
export async function findComparable(
  core: Core,
  snapshot: SnapshotRecord,
  snapshots: readonly SnapshotRecord[],
): Promise<ComparableVolume | null> {
  const { checkpoint: bitmap, instance, target } = snapshot;
  if (bitmap === null || findHead(snapshots)?.id !== snapshot.id) return null;
  try {
    const { powerState, hasManagedSave } = await core.hypervisor.getDomain(instance);
    if (powerState !== 'shutdown' || hasManagedSave) return null;
    const { disks } = describeDomain(await core.hypervisor.getDomainXml(instance, { isInactive: true }));
    const disk = disks.find((each) => each.target === target);
    const isOurs = disk?.sourceType === 'file' && disk.format === 'qcow2' && !disk.isEncrypted;
    return isOurs && disk.path !== null ? { instance, path: disk.path, bitmap } : null;
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED')) return null;
    throw error;
  }
}

/** VERIFY_FAILED when the volume, in which nothing has changed since, holds something else than the snapshot. */
export async function compareWithVolume(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly volume: ComparableVolume },
  signal: AbortSignal,
): Promise<void> {
  const { snapshot, volume } = work;
  const disk: DiskFile = { path: volume.path, format: 'qcow2' };
  const { bitmaps, virtualSizeBytes } = await context.diskTool.info(disk, signal);
  const bitmap = bitmaps.find(({ name }) => name === volume.bitmap);
  if (bitmap === undefined || bitmap.flags.includes('in-use') || virtualSizeBytes !== snapshot.logicalBytes) return;
  await context.operation.announce('compare with the volume');
  if (await context.diskTool.compare(disk, await snapshotDisk(context, snapshot, { signal }), signal)) return;
  if (!(await isUnchanged(context, { snapshot, volume, disk }, signal))) return;
  throw verifyFailed(
    snapshot.id,
    `its volume ${volume.path} holds something else, although nothing was written to it since`,
  );
}

/** Whether the bitmap knows of no change: copying what it knows of copies nothing. */
async function isUnchanged(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly volume: ComparableVolume; readonly disk: DiskFile },
  signal: AbortSignal,
): Promise<boolean> {
  const target: DiskFile = { path: await servedPath(context, 'scratch'), format: 'qcow2' };
  const plan: ServePlan = { ...NOTHING_SERVED, scratchPath: target.path };
  await context.operation.enter('look for changes', plan);
  const enough = new AbortController();
  try {
    await context.diskTool.create({ ...target, virtualSizeBytes: work.snapshot.logicalBytes }, signal);
    const onProgress = (fraction: number): void => {
      // a part of something is a change, and how many there are does not matter
      if (fraction > 0 && fraction < 1) enough.abort();
    };
    const copy = { source: work.disk, bitmap: work.volume.bitmap, target, onProgress };
    await context.diskTool.copyDirty(copy, AbortSignal.any([signal, enough.signal]));
    return (await context.diskTool.mapAllocation(target, signal)).extents.length === 0;
  } catch (error) {
    throwIfCancelled(signal);
    if (hasCode(error, 'CANCELLED')) return false;
    throw error;
  } finally {
    await undoAndSettle(context, () => removeServed(context, plan), 'compared');
  }
}
