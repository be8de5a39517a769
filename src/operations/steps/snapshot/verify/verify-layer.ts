import { hasCode } from '../../../../model/errors.ts';
import type { DiskFile } from '../../../../model/ports/disk-tool.ts';
import { judgeLayer } from '../../../../model/snapshot/judge-layer.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { ByteProgress } from '../../byte-progress.ts';
import { snapshotDisk } from '../read-source.ts';
import { verifyFailed } from './failed.ts';

/** Reads a snapshot's file, as the store has it, against its record: VERIFY_FAILED says what is wrong. What it stands on is in order. */
export async function verifyLayer(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly progress: ByteProgress },
  signal: AbortSignal,
): Promise<void> {
  const { snapshot, progress } = work;
  const disk = await explain(snapshot, () => snapshotDisk(context, snapshot, { signal, isFresh: true }));
  await requireLength(context, snapshot, disk);
  const complaint = judgeLayer(snapshot, await explain(snapshot, () => context.diskTool.info(disk, signal)));
  if (complaint !== null) throw verifyFailed(snapshot.id, `of its file, ${complaint}`);
  const { isSound, corruptions, checkErrors } = await explain(snapshot, () => context.diskTool.check(disk, signal));
  if (!isSound) {
    throw verifyFailed(snapshot.id, `qemu-img check found ${corruptions} corruptions and ${checkErrors} errors`);
  }
  const sha256 = await context.files.hash(disk.path, { signal, onBytes: (bytes) => progress.at(bytes) });
  progress.endStage(snapshot.sizeBytes);
  if (sha256 === snapshot.sha256) return;
  throw verifyFailed(snapshot.id, `its file has the SHA-256 ${sha256} instead of ${snapshot.sha256}`);
}

async function requireLength(context: OperationContext, snapshot: SnapshotRecord, disk: DiskFile): Promise<void> {
  const sizeBytes = (await context.files.stat(disk.path))?.sizeBytes ?? 0;
  if (sizeBytes === snapshot.sizeBytes) return;
  throw verifyFailed(snapshot.id, `its file has ${sizeBytes} bytes instead of ${snapshot.sizeBytes}`);
}

/** A file that is missing, or that qemu-img cannot read, is a damaged one. */
async function explain<T>({ id }: SnapshotRecord, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (hasCode(error, 'QEMU_IMG_FAILED', 'SNAPSHOT_DAMAGED')) throw verifyFailed(id, error.message, error);
    throw error;
  }
}
