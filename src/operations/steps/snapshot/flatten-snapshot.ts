import { DarkroomError } from '../../../model/errors.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { waitForSlot } from '../../support/slots.ts';
import { checkSpace } from '../check-space.ts';
import { requireIntact } from './copy-snapshot-file.ts';
import { requireAncestry } from './find-snapshot.ts';
import { lockSnapshots } from './lock-snapshots.ts';
import { snapshotDisk } from './read-source.ts';
import { rewriteSnapshot } from './rewrite-snapshot.ts';

export interface Flattening {
  readonly record: SnapshotRecord;
  readonly operation: { readonly id: string; readonly kind: string };
}

/**
 * Gives a snapshot a file that stands alone, encrypted and compressed as it was. All that it stood on is read again first and must be what
 * its records say; the new file is compared with the old one. SNAPSHOT_BUSY, SNAPSHOT_DAMAGED, NO_SPACE.
 */
export async function flattenSnapshot(core: Core, flattening: Flattening, signal: AbortSignal): Promise<void> {
  const { record, operation } = flattening;
  await using _locked = await lockSnapshots(core, { ids: [record.id], held: [], kind: operation.kind });
  await using _slot = await waitForSlot(core, 'copy', { signal });
  const ancestry = await requireAncestry(core, record);
  await requireRoom(core, record, signal);
  for (const each of ancestry)
    await requireIntact(core, each, await core.snapshots.resolveFile(each, { signal }), signal);
  const write = (path: string) => writeFlat(core, { record, path }, signal);
  await rewriteSnapshot(core, { record, parent: null, operationId: operation.id, write }, signal);
}

async function requireRoom(core: Core, record: SnapshotRecord, signal: AbortSignal): Promise<void> {
  const bytes = await core.diskTool.measure(await snapshotDisk(core, record, { signal }), 'qcow2', signal);
  await checkSpace(core, [{ path: core.snapshots.rootPath, bytes, what: 'a snapshot that stands alone' }]);
}

async function writeFlat(
  core: Core,
  { record, path }: { readonly record: SnapshotRecord; readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const source = await snapshotDisk(core, record, { signal });
  const target = { ...source, path };
  // QEMU cannot compress what it encrypts
  const isPacked = record.isCompressed && !record.isEncrypted;
  await core.diskTool.convert({ source, target, ...(isPacked ? { compression: 'zstd' } : {}) }, signal);
  if (await core.diskTool.compare(target, source, signal)) return;
  throw new DarkroomError('COPY_FAILED', `The flat copy of the snapshot ${record.id} differs from it.`, {
    fields: { snapshotId: record.id, path },
  });
}
