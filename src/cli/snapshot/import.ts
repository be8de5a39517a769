import type { Argv } from 'yargs';
import type { SnapshotFileBody } from '../../api/schemas/snapshots.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { pathOnHost } from '../path-on-host.ts';
import { summarizeSnapshot } from '../render/snapshot.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addSnapshotImport(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'import <file>',
    'Take in the snapshots of a file that an export wrote; those that are there already stay',
    (command) =>
      command
        .positional('file', { type: 'string', demandOption: true, describe: 'Exported file, on the host that does it' })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 snapshot import web.snapshots', 'It keeps its id')
        .example('$0 volume create --from-snapshot 7c6b5a49', 'And what can be made of it then'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          importSnapshot(context, { isAwaited: !argv.noWait, body: { path: pathOnHost(context, argv.file) } }),
      }),
  );
}

/** Prints the snapshot that was exported; what it stands on came with it. */
export async function importSnapshot(
  context: CommandContext,
  { body, isAwaited }: { readonly body: SnapshotFileBody; readonly isAwaited: boolean },
): Promise<number> {
  const { client, output } = context;
  const submit = () => client.snapshots.import(body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const { snapshotId } = operation.result;
  if (snapshotId === undefined) {
    throw new DarkroomError('INTERNAL', `Operation ${operation.id} succeeded but names no snapshot.`);
  }
  const snapshot = await client.snapshots.show(snapshotId);
  await printResult(output, snapshot, () => summarizeSnapshot(snapshot, operation));
  return 0;
}
