import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { runCommand } from '../../lib/run-command.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { CopyDirtyOptions } from '../../model/ports/disk-tool.ts';
import type { BlockSpec } from './block-spec.ts';
import { collectKeys, withSecrets } from './disk-keys.ts';
import { describeDisk } from './open-disk.ts';
import { createQmpSession, QmpFailed, type QmpSession } from './qmp-session.ts';
import { type Priority, prioritise } from './run-qemu-img.ts';
import { NO_SPACE_PATTERN, translateFailure } from './translate-failure.ts';

type Copying = CopyDirtyOptions & { readonly priority?: Priority };

const JOB = 'copy';
const POLL_MS = 50;

/** JobInfo of QEMU's job schema. */
const jobsSchema = z.array(
  z.object({
    id: z.string(),
    status: z.string(),
    'current-progress': z.number(),
    'total-progress': z.number(),
    error: z.string().optional(),
  }),
);

/**
 * blockdev-backup with a dirty bitmap, in a qemu-storage-daemon of its own
 * (https://www.qemu.org/docs/master/interop/live-block-operations.html): what is dirty is copied in whole clusters, zeroes as
 * zeroes; the bitmap stays as it is, the source is opened for reading. Throws QEMU_IMG_FAILED (also for a bitmap that is not
 * there or is inconsistent), NO_SPACE, CANCELLED, TOOL_MISSING; the target then holds a part of it.
 */
export async function copyDirty(options: Copying, signal?: AbortSignal): Promise<void> {
  const { source, target } = options;
  try {
    await runDaemon(options, signal);
  } catch (error) {
    throw translate(error, `${source.path} to ${target.path}`);
  }
}

async function runDaemon(options: Copying, signal: AbortSignal | undefined): Promise<void> {
  const keys = collectKeys();
  const source = await describeDisk(options.source, { keys, signal });
  const target = await describeDisk(options.target, { keys, signal });
  const nodes = [
    { ...source, 'node-name': 'source', 'read-only': true },
    { ...target, 'node-name': 'target', 'read-only': false },
  ];
  const stop = new AbortController();
  const ending = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  await withSecrets(keys, async (objects) => {
    const { session, running } = start([...objects, ...toArguments(nodes)], options, ending);
    try {
      await Promise.race([copy(session, options), failAtEnd(running)]);
      // Not waited for: it may be gone before the answer is read.
      void session.execute('quit');
      await running;
    } catch (error) {
      stop.abort();
      await running.catch(() => undefined);
      throw error;
    }
  });
}

async function failAtEnd(running: Promise<unknown>): Promise<never> {
  await running;
  throw new QmpFailed('qemu-storage-daemon ended before it had copied everything');
}

function toArguments(nodes: readonly BlockSpec[]): string[] {
  const blockdevs = nodes.flatMap((node) => ['--blockdev', JSON.stringify(node)]);
  return [...blockdevs, '--chardev', 'stdio,id=monitor,signal=off', '--monitor', 'chardev=monitor'];
}

function start(
  args: readonly string[],
  { onStart, priority }: Copying,
  signal: AbortSignal,
): { readonly session: QmpSession; readonly running: Promise<unknown> } {
  let open: (write: (text: string) => void) => void = () => undefined;
  const opened = new Promise<(text: string) => void>((resolve) => {
    open = resolve;
  });
  const session = createQmpSession((text) => void opened.then((write) => write(text)));
  const running = runCommand({
    file: 'qemu-storage-daemon',
    args,
    signal,
    ...prioritise(priority),
    ...(onStart && { onStart }),
    onLine: (line, stream) => {
      if (stream === 'stdout') session.receive(line);
    },
    onInput: open,
  });
  return { session, running };
}

async function copy(session: QmpSession, { bitmap, onProgress }: Copying): Promise<void> {
  await session.execute('qmp_capabilities');
  const job = { 'job-id': JOB, device: 'source', target: 'target', 'auto-dismiss': false };
  await session.execute('blockdev-backup', { ...job, sync: 'bitmap', bitmap, 'bitmap-mode': 'never' });
  await untilConcluded(session, onProgress);
  await session.execute('job-dismiss', { id: JOB });
}

async function untilConcluded(session: QmpSession, onProgress: Copying['onProgress']): Promise<void> {
  for (;;) {
    const job = jobsSchema.parse(await session.execute('query-jobs')).find(({ id }) => id === JOB);
    if (job === undefined) throw new QmpFailed('the job is gone without having said how it ended');
    if (job.error !== undefined) throw new QmpFailed(job.error);
    const total = job['total-progress'];
    onProgress?.(total === 0 ? 0 : Math.min(1, job['current-progress'] / total));
    if (job.status === 'concluded') break;
    await sleep(POLL_MS);
  }
  onProgress?.(1);
}

function translate(error: unknown, disk: string): unknown {
  const work = { what: 'qemu-storage-daemon', subcommand: 'copy-dirty', disk };
  if (!(error instanceof QmpFailed)) return translateFailure(error, work);
  const fields = { subcommand: work.subcommand, disk, exitCode: null };
  const message = `copying what has changed from ${disk} failed: ${error.message}`;
  const code = NO_SPACE_PATTERN.test(error.message) ? 'NO_SPACE' : 'QEMU_IMG_FAILED';
  return new DarkroomError(code, message, { fields, cause: error });
}
