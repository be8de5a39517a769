import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { describeDeletion, formatSigned } from '../render/snapshot.ts';
import { printable } from '../render/text.ts';
import { UsageError } from '../usage-error.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotDelete(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'delete <snapshot>',
    'Delete a snapshot; what others need of it moves into them',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('dry-run', { type: 'boolean', default: false, describe: 'Only say what it would do and free' })
        .option('no-wait', NO_WAIT_OPTION)
        .check(({ dryRun, noWait }) => !(dryRun && noWait) || refuseBoth())
        .example('$0 snapshot delete 7c6b5a49 --dry-run', 'How many bytes would it free?')
        .example('$0 snapshot delete 7c6b5a49', 'All others still restore as before'),
    ({ snapshot, dryRun, noWait, ...argv }) => {
      if (dryRun) {
        return host.execute(argv, { recovery: 'attempted', run: (context) => planDelete(context, snapshot) });
      }
      return host.execute(argv, {
        recovery: 'required',
        run: (context) => deleteSnapshot(context, { snapshot, isAwaited: !noWait }),
      });
    },
  );
}

function refuseBoth(): never {
  throw new UsageError('Arguments dry-run and no-wait are mutually exclusive');
}

export async function planDelete({ client, output }: CommandContext, reference: string): Promise<number> {
  const deletion = await client.snapshots.planDelete(reference);
  await printResult(output, deletion, () => describeDeletion(deletion));
  return 0;
}

/** Prints the operation, whose result says what it freed. */
export async function deleteSnapshot(
  context: CommandContext,
  { snapshot, isAwaited }: { readonly snapshot: string; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.snapshots.delete(snapshot);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const { snapshotId = snapshot, freedBytes } = operation.result;
  const freed = freedBytes === undefined ? '' : `${formatSigned(freedBytes)} freed, `;
  await printResult(
    context.output,
    operation,
    () => `snapshot ${printable(snapshotId)}: deleted, ${freed}${describeTotal(operation)}`,
  );
  return 0;
}
