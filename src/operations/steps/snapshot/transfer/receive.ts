import type { DarkroomError } from '../../../../model/errors.ts';
import { hasCode } from '../../../../model/errors.ts';
import type { SnapshotFileDraft, SnapshotStore } from '../../../../model/ports/snapshot-store.ts';
import { judgeLayer } from '../../../../model/snapshot/judge-layer.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { ReceivePlan } from '../../../receive-plan.ts';
import type { Core, OperationContext } from '../../../support/context.ts';
import { throwIfCancelled } from '../../../support/patience.ts';
import { TransferProgress } from '../../store/transfer-progress.ts';
import { snapshotDisk } from '../read-source.ts';

/** A snapshot whose file lies, sealed, under a temporary name in the store that it comes to. */
export interface Arrival {
  readonly record: SnapshotRecord;
  readonly domainXml: string | null;
  readonly draft: SnapshotFileDraft;
}

export interface Reception {
  readonly store: SnapshotStore;
  /** From the bottom up, the snapshot itself last. */
  readonly arrivals: readonly Arrival[];
  readonly refuse: (snapshotId: string, reason: string, cause?: unknown) => DarkroomError;
}

/** All of a chain, or nothing that anybody would see: the files first, then what QEMU has to say of them, then the records. */
export async function receiveChain(
  context: OperationContext,
  reception: Reception,
  signal: AbortSignal,
): Promise<void> {
  const { store, arrivals } = reception;
  await context.operation.announce('check');
  const upload = new TransferProgress(context, 'upload');
  const moves = arrivals.map(({ draft, record }) => ({ draft, onBytes: upload.addFile(record.sizeBytes) }));
  for (const { draft, onBytes } of moves) await draft.moveIn({ signal, onBytes });
  await upload.backTo('check');
  for (const { record } of arrivals) await requireSound(context, { ...reception, record }, signal);
  throwIfCancelled(signal);
  await context.operation.announce('publish');
  for (const { record, domainXml } of arrivals) await store.publish(record, domainXml);
}

async function requireSound(
  context: OperationContext,
  { store, record, refuse }: Reception & { readonly record: SnapshotRecord },
  signal: AbortSignal,
): Promise<void> {
  const disk = await snapshotDisk({ ...context, snapshots: store }, record, { signal });
  try {
    const complaint = judgeLayer(record, await context.diskTool.info(disk, signal));
    if (complaint !== null) throw refuse(record.id, `of its file, ${complaint}`);
    const { isSound, corruptions, checkErrors } = await context.diskTool.check(disk, signal);
    if (isSound) return;
    throw refuse(record.id, `qemu-img check found ${corruptions} corruptions and ${checkErrors} errors`);
  } catch (error) {
    if (hasCode(error, 'QEMU_IMG_FAILED')) throw refuse(record.id, error.message, error);
    throw error;
  }
}

/**
 * What was brought goes, the top first, unless all of it is there for good; then it is true. What somebody made on top of some of it
 * meanwhile keeps what it stands on.
 */
export async function removeReceived(
  store: SnapshotStore,
  plan: ReceivePlan,
  operation: { readonly id: string },
): Promise<boolean> {
  const { volume, ids } = plan;
  await store.discardDrafts(volume, operation.id);
  const { snapshots } = await store.list({ volume });
  const top = ids.at(-1);
  const isWhole = top !== undefined && snapshots.some(({ id }) => id === top);
  for (const id of isWhole ? [] : [...ids].reverse()) {
    const isNeeded = snapshots.some((each) => each.parent === id && !ids.includes(each.id));
    if (isNeeded) break;
    await store.remove({ id, volume });
  }
  await store.releaseClaim(volume, operation.id);
  return isWhole;
}

export function openReceiver(core: Core, { location }: Pick<ReceivePlan, 'location'>): SnapshotStore {
  return location === null ? core.snapshots : core.stores.open(location).snapshots;
}
