import type { Argv } from 'yargs';
import type { MountSnapshotBody } from '../../api/schemas/snapshots.ts';
import { hasCode } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { type Output, printResult } from '../output.ts';
import { pathOnHost } from '../path-on-host.ts';
import type { Progress } from '../render/progress.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

const ENDING = 'Ending: nothing is served any more; this takes a moment.';

export function addSnapshotMount(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'mount <snapshot> [directory]',
    'Read a snapshot, until Ctrl-C: as a block device over NBD, or mounted on a folder',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .positional('directory', {
          type: 'string',
          describe: 'Empty folder for its first file system, on the host that does it; only the host itself may',
        })
        .option('no-wait', { ...NO_WAIT_OPTION, describe: 'Leave it to the agent, until the operation is cancelled' })
        .example('$0 snapshot mount 7c6b5a49 /mnt', 'Copy single files out of it, read-only')
        .example('$0 snapshot mount 7c6b5a49', 'Prints a URI that qemu-img, nbdcopy and others read'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          mountSnapshot(context, {
            snapshot: argv.snapshot,
            isAwaited: !argv.noWait,
            body: { directory: argv.directory === undefined ? null : pathOnHost(context, argv.directory) },
          }),
      }),
  );
}

/** Where it can be read stands alone on stdout, as soon as it can be. To end it is no failure, whoever does. */
export async function mountSnapshot(
  context: CommandContext,
  options: { readonly snapshot: string; readonly body: MountSnapshotBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.snapshots.mount(options.snapshot, options.body);
  if (!options.isAwaited) return await beginOperation(context, submit);
  const announcement = new Announcement(context.output, options.body.directory ?? null);
  try {
    await waitForOperation(context, submit, {
      cancelling: ENDING,
      onChange: (operation, progress) => announcement.see(operation, progress),
    });
  } catch (error) {
    if (!announcement.isEnded || !hasCode(error, 'CANCELLED')) throw error;
  }
  return 0;
}

class Announcement {
  readonly #output: Output;
  readonly #directory: string | null;
  #isMade = false;
  #isCancelled = false;

  constructor(output: Output, directory: string | null) {
    this.#output = output;
    this.#directory = directory;
  }

  /** It was served, and then somebody ended it. */
  get isEnded(): boolean {
    return this.#isMade && this.#isCancelled;
  }

  see(operation: Operation, progress: Progress): void {
    this.#isCancelled = operation.status === 'cancelled';
    const place = operation.result.uri ?? operation.result.path;
    if (place === undefined || this.#isMade || operation.status !== 'running') return;
    this.#isMade = true;
    const where = this.#directory === null ? '' : ` and mounted on ${printable(this.#directory)}`;
    progress.note(`snapshot ${printable(operation.target)}: served read-only${where}; Ctrl-C ends it`);
    void printResult(this.#output, operation, () => place);
  }
}
