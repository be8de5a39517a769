import { DarkroomError } from '../../../model/errors.ts';
import type { DiskFile } from '../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { checkSpace } from '../check-space.ts';
import { copySnapshotFile, requireIntact, requireSameFile } from './copy-snapshot-file.ts';
import { fileNameOf } from './list-family.ts';
import { diskAt } from './read-source.ts';

/** `from` is to go, `into` is the only one that stands on it. */
export interface Merge {
  readonly from: SnapshotRecord;
  readonly into: SnapshotRecord;
  readonly operationId: string;
}

/**
 * Writes to `path` what the file of `into` becomes: a copy of the file of `from`, which a copy of its own is committed into. Both are
 * read again first, and are what their records say, so that no damage gets a new checksum. NO_SPACE, SNAPSHOT_DAMAGED.
 */
export async function writeMerged(core: Core, merge: Merge, path: string, signal: AbortSignal): Promise<void> {
  const { from, into } = merge;
  requireActive(from);
  requireActive(into);
  if (into.logicalBytes < from.logicalBytes) return await writeRebased(core, merge, path, signal);
  const spare = core.snapshots.draft(from, merge.operationId);
  // what is compressed is encoded anew from a third file, and the top one is no longer wanted by then
  const [base, top] = isPacked(into) ? [spare.path, path] : [path, spare.path];
  await copyBoth(core, { merge, base, top }, signal);
  await commitOnto(core, { merge, base, top }, signal);
  if (isPacked(into)) await compress(core, { merge, base, path }, signal);
  await spare.discard();
}

interface Files {
  readonly merge: Merge;
  readonly base: string;
  readonly top: string;
}

/** Blocks are shared where the file system can, so that a delete on a full store needs room for what is merged alone. */
async function copyBoth(core: Core, { merge, base, top }: Files, signal: AbortSignal): Promise<void> {
  const { from, into } = merge;
  const sources = [
    { record: from, target: base },
    { record: into, target: top },
  ];
  const pending = [];
  for (const each of sources) {
    const isCloned = await core.files.tryClone(await core.snapshots.resolveFile(each.record, { signal }), each.target);
    if (!isCloned) pending.push(each);
  }
  const copiedBytes = pending.reduce((sum, { record }) => sum + record.storedBytes, 0);
  const encodedBytes = isPacked(into) ? from.storedBytes + into.storedBytes : 0;
  await requireRoom(core, copiedBytes + into.storedBytes + encodedBytes);
  for (const { record, target } of pending) await copySnapshotFile(core, record, target, signal);
  for (const { record, target } of sources) {
    await requireIntact(core, record, target, signal);
    await requireSameFile(core, record, target, signal);
  }
}

async function commitOnto(core: Core, { merge, base, top }: Files, signal: AbortSignal): Promise<void> {
  const { from, into } = merge;
  const below = await diskAt(core, from, base);
  const above = await diskAt(core, into, top);
  if (into.logicalBytes > from.logicalBytes) await core.diskTool.resize(below, into.logicalBytes, signal);
  await core.diskTool.rebase(above, { backing: below, isUnsafe: true }, signal);
  throwIfCancelled(signal);
  await core.diskTool.commit(above, {}, signal);
}

/** QEMU cannot compress what it encrypts. */
function isPacked({ isCompressed, isEncrypted }: SnapshotRecord): boolean {
  return isCompressed && !isEncrypted;
}

/** commit writes clusters as they are. */
async function compress(
  core: Core,
  { merge, base, path }: Omit<Files, 'top'> & { readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const { from, into } = merge;
  await core.files.remove(path);
  const parent = await parentDisk(core, from, signal);
  await core.diskTool.convert(
    {
      source: await diskAt(core, from, base),
      target: await diskAt(core, into, path),
      compression: 'zstd',
      ...(parent === null ? {} : { backing: parent }),
    },
    signal,
  );
  if (parent !== null) await nameParent(core, { merge, path, parent }, signal);
}

/** A volume that shrank: commit would leave it as long as it was. Here clusters are compared, and come uncompressed. */
async function writeRebased(core: Core, merge: Merge, path: string, signal: AbortSignal): Promise<void> {
  const { from, into } = merge;
  await requireRoom(core, from.storedBytes + into.storedBytes);
  await copySnapshotFile(core, into, path, signal);
  await requireIntact(core, into, path, signal);
  await requireSameFile(core, into, path, signal);
  await requireIntact(core, from, await core.snapshots.resolveFile(from, { signal }), signal);
  const parent = await parentDisk(core, from, signal);
  await core.diskTool.rebase(await diskAt(core, into, path), { backing: parent }, signal);
  if (parent !== null) await nameParent(core, { merge, path, parent }, signal);
}

/** Relative, so that the store can be moved. */
async function nameParent(
  core: Core,
  { merge, path, parent }: { readonly merge: Merge; readonly path: string; readonly parent: DiskFile },
  signal: AbortSignal,
): Promise<void> {
  const { from, into } = merge;
  if (from.parent === null) return;
  const backingName = fileNameOf(core, { id: from.parent, volume: from.volume });
  await core.diskTool.rebase(await diskAt(core, into, path), { backing: parent, isUnsafe: true, backingName }, signal);
}

async function parentDisk(
  core: Core,
  { parent, volume, isEncrypted }: SnapshotRecord,
  signal: AbortSignal,
): Promise<DiskFile | null> {
  if (parent === null) return null;
  return await diskAt(core, { isEncrypted }, await core.snapshots.resolveFile({ id: parent, volume }, { signal }));
}

async function requireRoom(core: Core, bytes: number): Promise<void> {
  await checkSpace(core, [{ path: core.snapshots.rootPath, bytes, what: 'the snapshots as they will be' }]);
}

/** Its content would pass for good in the other. */
function requireActive({ id, status }: SnapshotRecord): void {
  if (status === 'active') return;
  throw new DarkroomError(
    'SNAPSHOT_DAMAGED',
    `The snapshot ${id} failed a verify, so nothing of it may pass into another. Delete those that stand on it first, the newest first.`,
    { fields: { snapshotId: id } },
  );
}
