import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { NO_WAIT_OPTION } from '../no-wait.ts';
import { doWithSnapshot } from './do-with-snapshot.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotRestore(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'restore <snapshot>',
    'Give its volume the content of then; the instance must be off',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 snapshot restore 7c6b5a49', 'Back to what it was, once its instance is off')
        .example('$0 volume create --from-snapshot 7c6b5a49', 'Leave the volume alone, and make another'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        asksLibvirt: true,
        run: (context) => restoreSnapshot(context, { snapshot: argv.snapshot, isAwaited: !argv.noWait }),
      }),
  );
}

export async function restoreSnapshot(
  context: CommandContext,
  { snapshot, isAwaited }: { readonly snapshot: string; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.snapshots.restore(snapshot);
  return await doWithSnapshot(context, { snapshot, isAwaited, submit, done: 'restored into its volume' });
}
