import { DarkroomError } from '../../../../model/errors.ts';
import type { DiskExport, DiskFile } from '../../../../model/ports/disk-tool.ts';
import type { ServePlan } from '../../../serve-plan.ts';
import type { OperationContext } from '../../../support/context.ts';
import { throwIfCancelled } from '../../../support/patience.ts';

export interface Serving {
  readonly disk: DiskFile;
  /** What it is called. */
  readonly name: string;
  readonly plan: ServePlan;
  /** Where it can be read; told as soon as that is so. */
  readonly uri: string;
}

/** Never returns: CANCELLED when that is asked for, COMMAND_FAILED when what serves it ended by itself. */
export async function serveUntilCancelled(
  context: OperationContext,
  work: Serving,
  signal: AbortSignal,
): Promise<never> {
  const { plan, uri } = work;
  throwIfCancelled(signal);
  const server = await startServer(context, work);
  try {
    await context.operation.enter('serve', { ...plan, server: context.processes.identify(server.pid) });
    if (plan.filePath !== null && plan.directory !== null) {
      await context.mounts.mountFirst(plan.filePath, plan.directory, signal);
    }
    await context.operation.saveResult({ uri });
    await Promise.race([server.ended, whenAborted(signal)]);
    if (signal.aborted) throw new DarkroomError('CANCELLED', 'The snapshot is no longer mounted, as was asked for.');
    throw new DarkroomError('COMMAND_FAILED', 'The process that served the snapshot ended by itself: mount it again.');
  } finally {
    // what does not come off now is taken down once more, and that is what counts
    if (plan.directory !== null) await context.mounts.unmount(plan.directory).catch(() => undefined);
    await server[Symbol.asyncDispose]();
  }
}

async function startServer(context: OperationContext, { disk, name, plan }: Serving): Promise<DiskExport> {
  if (plan.filePath !== null) {
    await context.files.writeDurably(plan.filePath, '', { mode: 0o600 });
    return await context.diskTool.exportFile(disk, { filePath: plan.filePath });
  }
  const { socketPath } = plan;
  if (socketPath === null) throw new Error('neither a socket nor a file to serve it by');
  return await context.diskTool.exportNbd(disk, { socketPath, name });
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
