import type { Argv } from 'yargs';
import type { VerifySnapshotBody } from '../../api/schemas/snapshots.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { describeVolume } from '../render/snapshot.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotVerify(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'verify <snapshot>',
    'Read a snapshot again and check its checksum and structure',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('deep', {
          type: 'boolean',
          default: false,
          describe: 'Also read every block as a restore would, and compare',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 snapshot verify 7c6b5a49', 'Checksums and qcow2 structure')
        .example('$0 snapshot verify 7c6b5a49 --deep', 'Its content too'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          verifySnapshot(context, {
            snapshot: argv.snapshot,
            isAwaited: !argv.noWait,
            body: { isDeep: argv.deep },
          }),
      }),
  );
}

export async function verifySnapshot(
  context: CommandContext,
  options: { readonly snapshot: string; readonly body: VerifySnapshotBody; readonly isAwaited: boolean },
): Promise<number> {
  const { client, output } = context;
  const submit = () => client.snapshots.verify(options.snapshot, options.body);
  if (!options.isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const snapshot = await client.snapshots.show(operation.result.snapshotId ?? options.snapshot);
  const how = options.body.isDeep === true ? 'checked, and its content read' : 'checked';
  await printResult(
    output,
    snapshot,
    () => `snapshot ${snapshot.id} (${describeVolume(snapshot)}): ${how}, ${describeTotal(operation)}`,
  );
  return 0;
}
