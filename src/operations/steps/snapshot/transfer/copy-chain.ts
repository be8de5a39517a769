import { DarkroomError } from '../../../../model/errors.ts';
import type { SnapshotFileDraft, SnapshotStore } from '../../../../model/ports/snapshot-store.ts';
import { fromPortable, toPortable } from '../../../../model/snapshot/portable.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import { createCopyTurns } from '../../../support/copy-turns.ts';
import { ByteProgress } from '../../byte-progress.ts';
import { fetchSnapshot } from '../../store/fetch-files.ts';
import type { Arrival } from './receive.ts';
import { storedOtherwise } from './stored-otherwise.ts';

export interface ChainCopy {
  readonly store: SnapshotStore;
  /** From the bottom up. */
  readonly snapshots: readonly SnapshotRecord[];
}

/** Their files in the other store, read again there. COPY_FAILED, SNAPSHOT_DAMAGED. */
export async function copyChain(
  context: OperationContext,
  { store, snapshots }: ChainCopy,
  signal: AbortSignal,
): Promise<readonly Arrival[]> {
  const top = snapshots.at(-1);
  if (top !== undefined) await fetchSnapshot(context, top, { signal, step: 'copy', chain: snapshots });
  // each byte is written and read once
  const progress = new ByteProgress(
    context.operation,
    2 * snapshots.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const arrivals: Arrival[] = [];
  for (const snapshot of snapshots) {
    const draft = store.draft(snapshot, context.operation.id);
    await copyFile(context, { snapshot, draft, progress }, signal);
    const { storedBytes } = await draft.seal();
    const record = fromPortable(toPortable(snapshot), { owner: snapshot.owner, storedBytes });
    arrivals.push({ record, draft, domainXml: await context.snapshots.readDomainXml(snapshot) });
  }
  return arrivals;
}

interface FileCopy {
  readonly snapshot: SnapshotRecord;
  readonly draft: SnapshotFileDraft;
  readonly progress: ByteProgress;
}

async function copyFile(
  context: OperationContext,
  { snapshot, draft, progress }: FileCopy,
  signal: AbortSignal,
): Promise<void> {
  const source = await context.snapshots.resolveFile(snapshot, { signal });
  const onBytes = (bytes: number): void => progress.at(bytes);
  const { copyBandwidthBytesPerSecond: bandwidthBytesPerSecond } = context.settings;
  const turns = createCopyTurns(context, { step: 'copy', signal });
  await turns.take(() => context.files.copy(source, draft.path, { signal, onBytes, bandwidthBytesPerSecond }));
  progress.endStage(snapshot.sizeBytes);
  const sha256 = await context.files.hash(draft.path, { signal, onBytes });
  progress.endStage(snapshot.sizeBytes);
  if (sha256 === snapshot.sha256) return;
  const sourceSha256 = await context.files.hash(source, { signal });
  if (sourceSha256 !== snapshot.sha256) throw storedOtherwise(snapshot, sourceSha256);
  throw notTheSame(snapshot.id, `its SHA-256 is ${sha256} instead of ${snapshot.sha256}`);
}

export function notTheSame(snapshotId: string, reason: string, cause?: unknown): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The copy of the snapshot ${snapshotId} is not what the store holds: ${reason}. Look at the storage of both stores.`,
    { fields: { snapshotId, reason }, ...(cause === undefined ? {} : { cause }) },
  );
}
