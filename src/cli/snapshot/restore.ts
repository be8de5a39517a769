import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotRestore(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'restore <snapshot>',
    'Give its volume the content of then; the instance must be off',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 instance stop web-1 && $0 snapshot restore 7c6b5a49', 'Back to what it was')
        .example('$0 volume create --from-snapshot 7c6b5a49', 'Leave the volume alone, and make another'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => restoreSnapshot(context, { snapshot: argv.snapshot, isAwaited: !argv.noWait }),
      }),
  );
}

/** Prints the operation: what it changed is a volume that was there before. */
export async function restoreSnapshot(
  context: CommandContext,
  { snapshot, isAwaited }: { readonly snapshot: string; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.snapshots.restore(snapshot);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const id = operation.result.snapshotId ?? snapshot;
  await printResult(
    context.output,
    operation,
    () => `snapshot ${printable(id)}: restored into its volume, ${describeTotal(operation)}`,
  );
  return 0;
}
