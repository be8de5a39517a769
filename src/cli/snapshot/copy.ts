import type { Argv } from 'yargs';
import type { CopySnapshotBody } from '../../api/schemas/snapshots.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { NO_WAIT_OPTION } from '../no-wait.ts';
import { printable } from '../render/text.ts';
import { storeOnHost } from '../store-on-host.ts';
import { doWithSnapshot } from './do-with-snapshot.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotCopy(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'copy <snapshot>',
    'Copy a snapshot, with all that it stands on, to another store',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('to', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Name of the other store, s3://bucket/prefix or a folder on the host that does it',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 snapshot copy 7c6b5a49 --to ceph', 'To a store that the settings name')
        .example('$0 snapshot copy 7c6b5a49 --to /mnt/offsite', 'What is there already is not copied again'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          copySnapshot(context, {
            snapshot: argv.snapshot,
            isAwaited: !argv.noWait,
            body: { store: storeOnHost(context, argv.to) },
          }),
      }),
  );
}

export async function copySnapshot(
  context: CommandContext,
  options: { readonly snapshot: string; readonly body: CopySnapshotBody; readonly isAwaited: boolean },
): Promise<number> {
  const { snapshot, body, isAwaited } = options;
  const submit = () => context.client.snapshots.copy(snapshot, body);
  return await doWithSnapshot(context, { snapshot, isAwaited, submit, done: `copied to ${printable(body.store)}` });
}
