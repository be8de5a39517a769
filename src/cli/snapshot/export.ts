import type { Argv } from 'yargs';
import type { SnapshotFileBody } from '../../api/schemas/snapshots.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { NO_WAIT_OPTION } from '../no-wait.ts';
import { pathOnHost } from '../path-on-host.ts';
import { printable } from '../render/text.ts';
import { doWithSnapshot } from './do-with-snapshot.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotExport(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'export <snapshot> <file>',
    'Write a snapshot, with all that it stands on, to one file',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: 'What to write, on the host that does it; must not exist yet',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 snapshot export 7c6b5a49 web.snapshots', 'To carry it to another store')
        .example('$0 snapshot import web.snapshots --host node2', 'And there'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          exportSnapshot(context, {
            snapshot: argv.snapshot,
            isAwaited: !argv.noWait,
            body: { path: pathOnHost(context, argv.file) },
          }),
      }),
  );
}

export async function exportSnapshot(
  context: CommandContext,
  options: { readonly snapshot: string; readonly body: SnapshotFileBody; readonly isAwaited: boolean },
): Promise<number> {
  const { snapshot, body, isAwaited } = options;
  const submit = () => context.client.snapshots.export(snapshot, body);
  return await doWithSnapshot(context, { snapshot, isAwaited, submit, done: `exported to ${printable(body.path)}` });
}
