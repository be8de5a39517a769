import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotFileDraft } from '../../../model/ports/snapshot-store.ts';
import type { PendingRewrite, SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { fileNameOf } from './list-family.ts';
import { diskAt } from './read-source.ts';
import { settleRewrite } from './settle-rewrites.ts';
import { requireClaim } from './volume-claim.ts';

export interface Rewrite {
  readonly record: SnapshotRecord;
  /** What its new file stands on; another than now, since that tells the two files apart. */
  readonly parent: string | null;
  /** The operation that has the volume's claim; its drafts bear its id. */
  readonly operationId: string;
  /** Fills that file, which does not exist yet. */
  readonly write: (path: string) => Promise<void>;
}

/**
 * Gives a snapshot another file with the same content on another parent: written aside, looked at, read again, announced in the record,
 * renamed over the old one, and only then on record. Whenever that ends, its file is whole and holds what it held; settleRewrites ends
 * or forgets what was announced. Drafts that are left are the caller's to discard.
 */
export async function rewriteSnapshot(core: Core, rewrite: Rewrite, signal: AbortSignal): Promise<SnapshotRecord> {
  const { record, parent } = rewrite;
  if (parent === record.parent) throw new DarkroomError('INTERNAL', `${record.id} stands on ${parent} already`);
  const draft = core.snapshots.draft(record, rewrite.operationId);
  await rewrite.write(draft.path);
  const pending = await finishDraft(core, { draft, record, parent }, signal);
  throwIfCancelled(signal);
  await requireClaim(core, record.volume, rewrite.operationId);
  const current = await requireUnchanged(core, record);
  try {
    await core.snapshots.update({ ...current, pending });
    await draft.moveIn({ signal });
  } catch (error) {
    await settleQuietly(core, record);
    throw error;
  }
  return requireMovedIn(await settleRewrite(core, { ...current, pending }), parent);
}

/** A draft that somebody threw away is not moved in, whatever the move says; then nothing else may go for its sake. */
function requireMovedIn(record: SnapshotRecord, parent: string | null): SnapshotRecord {
  if (record.parent === parent) return record;
  throw new DarkroomError(
    'STORE_WRITE_FAILED',
    `The new file of the snapshot ${record.id} did not get to its place. The old one was kept.`,
    { fields: { snapshotId: record.id } },
  );
}

interface Written {
  readonly draft: SnapshotFileDraft;
  readonly record: SnapshotRecord;
  readonly parent: string | null;
}

async function finishDraft(core: Core, written: Written, signal: AbortSignal): Promise<PendingRewrite> {
  const { draft, record, parent } = written;
  await requireFits(core, written, signal);
  const disk = await diskAt(core, record, draft.path);
  const { isSound, corruptions, checkErrors } = await core.diskTool.check(disk, signal);
  if (!isSound) throw unfit(written, `qemu-img check found ${corruptions} corruptions and ${checkErrors} errors in it`);
  const { sizeBytes, storedBytes } = await draft.seal();
  return { parent, sizeBytes, storedBytes, sha256: await core.files.hash(draft.path, { signal }) };
}

/** Its header is all that others go by from now on. */
async function requireFits(core: Core, written: Written, signal: AbortSignal): Promise<void> {
  const { draft, record, parent } = written;
  const info = await core.diskTool.info({ path: draft.path, format: 'qcow2' }, signal);
  const backing = parent === null ? null : fileNameOf(core, { id: parent, volume: record.volume });
  if ((info.backing?.name ?? null) !== backing) throw unfit(written, `it stands on ${info.backing?.name ?? 'nothing'}`);
  if (info.virtualSizeBytes !== record.logicalBytes) throw unfit(written, `its size is ${info.virtualSizeBytes}`);
  if (info.isEncrypted !== record.isEncrypted) throw unfit(written, `isEncrypted is ${info.isEncrypted}`);
  if (info.dataFile !== null) throw unfit(written, 'its data lies in another file');
}

function unfit({ record }: Written, reason: string): DarkroomError {
  return new DarkroomError(
    'COPY_FAILED',
    `The new file of the snapshot ${record.id} is not what it must be: ${reason}. The old one was kept.`,
    { fields: { snapshotId: record.id, reason } },
  );
}

async function requireUnchanged(core: Core, record: SnapshotRecord): Promise<SnapshotRecord> {
  const current = await core.snapshots.read(record.id);
  if (current.parent === record.parent && current.sha256 === record.sha256 && current.pending === null) return current;
  throw new DarkroomError('SNAPSHOT_BUSY', `The snapshot ${record.id} was changed by somebody else meanwhile.`, {
    fields: { snapshotId: record.id },
  });
}

/** What could not be settled now is settled by whoever works on that volume next. */
async function settleQuietly(core: Core, { id }: SnapshotRecord): Promise<void> {
  try {
    await settleRewrite(core, await core.snapshots.read(id));
  } catch (error) {
    core.log.warn({ snapshotId: id, error: String(error) }, 'a rewrite of a snapshot is left to be settled');
  }
}
