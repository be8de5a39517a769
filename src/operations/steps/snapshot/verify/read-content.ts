import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { NOTHING_SERVED, type ServePlan } from '../../../serve-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { ByteProgress } from '../../byte-progress.ts';
import { undoAndSettle } from '../../undo-and-settle.ts';
import { removeServed, servedPath } from '../mount/served.ts';
import { snapshotDisk } from '../read-source.ts';
import { verifyFailed } from './failed.ts';

/**
 * Reads every byte as a restore would, through the whole chain. SHA-256 of it, lower-case hex; VERIFY_FAILED when it is not what was read
 * before.
 */
export async function verifyContent(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly progress: ByteProgress },
  signal: AbortSignal,
): Promise<string> {
  const { snapshot } = work;
  const sha256 = await hashContent(context, work, signal);
  if (snapshot.contentSha256 === undefined || snapshot.contentSha256 === sha256) return sha256;
  throw verifyFailed(
    snapshot.id,
    `read as a restore reads it, its content has the SHA-256 ${sha256} instead of ${snapshot.contentSha256}`,
  );
}

async function hashContent(
  context: OperationContext,
  work: { readonly snapshot: SnapshotRecord; readonly progress: ByteProgress },
  signal: AbortSignal,
): Promise<string> {
  const disk = await snapshotDisk(context, work.snapshot);
  const filePath = await servedPath(context, 'raw');
  const plan: ServePlan = { ...NOTHING_SERVED, filePath };
  await context.operation.enter('read content', plan);
  try {
    await context.files.writeDurably(filePath, '', { mode: 0o600 });
    await using served = await context.diskTool.exportFile(disk, { filePath });
    await context.operation.enter('read content', { ...plan, server: context.processes.identify(served.pid) });
    return await context.files.hash(filePath, { signal, onBytes: (bytes) => work.progress.at(bytes) });
  } finally {
    await undoAndSettle(context, () => removeServed(context, plan), 'content read');
    work.progress.endStage(work.snapshot.logicalBytes);
  }
}
