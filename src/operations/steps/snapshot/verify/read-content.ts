import { hasCode } from '../../../../model/errors.ts';
import type { DiskExport, DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { NOTHING_SERVED, type ServePlan } from '../../../serve-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import type { ByteProgress } from '../../byte-progress.ts';
import { checkSpace } from '../../check-space.ts';
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
  const disk = await snapshotDisk(context, work.snapshot, { signal });
  const filePath = await servedPath(context, 'raw');
  const plan: ServePlan = { ...NOTHING_SERVED, filePath };
  await context.operation.enter('read content', plan);
  const reading = { disk, plan, filePath, onBytes: (bytes: number) => work.progress.at(bytes) };
  try {
    return (await hashServed(context, reading, signal)) ?? (await hashCopy(context, reading, signal));
  } finally {
    await undoAndSettle(context, () => removeServed(context, plan), 'content read');
    work.progress.endStage(work.snapshot.logicalBytes);
  }
}

interface Reading {
  readonly disk: DiskFile;
  readonly plan: ServePlan;
  readonly filePath: string;
  readonly onBytes: (bytes: number) => void;
}

/** null where nothing may be mounted, as under the service's own limits. */
async function hashServed(
  context: OperationContext,
  { disk, plan, filePath, onBytes }: Reading,
  signal: AbortSignal,
): Promise<string | null> {
  await context.files.writeDurably(filePath, '', { mode: 0o600 });
  await using served = await serve(context, disk, filePath);
  if (served === null) return null;
  await context.operation.enter('read content', { ...plan, server: context.processes.identify(served.pid) });
  return await context.files.hash(filePath, { signal, onBytes });
}

async function serve(
  { diskTool, log }: OperationContext,
  disk: DiskFile,
  filePath: string,
): Promise<DiskExport | null> {
  try {
    return await diskTool.exportFile(disk, { filePath });
  } catch (error) {
    if (!hasCode(error, 'QEMU_IMG_FAILED', 'TOOL_MISSING')) throw error;
    log.info({ error: error.message }, 'a snapshot cannot be shown as a file here; it is copied to be read');
    return null;
  }
}

async function hashCopy(
  context: OperationContext,
  { disk, filePath, onBytes }: Reading,
  signal: AbortSignal,
): Promise<string> {
  const bytes = await context.diskTool.measure(disk, 'qcow2', signal);
  await checkSpace(context, [{ path: filePath, bytes, what: 'a copy to be read' }]);
  await context.files.remove(filePath);
  const bandwidthBytesPerSecond = context.settings.copyBandwidthBytesPerSecond;
  await context.diskTool.convert(
    { source: disk, target: { path: filePath, format: 'raw' }, bandwidthBytesPerSecond },
    signal,
  );
  return await context.files.hash(filePath, { signal, onBytes });
}
