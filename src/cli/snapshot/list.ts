import type { Argv } from 'yargs';
import type { SnapshotFilter } from '../../model/snapshot/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from '../page-options.ts';
import { pickGiven } from '../pick-given.ts';
import { renderSnapshots } from '../render/snapshot.ts';

export function addSnapshotList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the snapshots, oldest first',
    (command) =>
      command
        .option('volume', {
          type: 'string',
          requiresArg: true,
          describe: 'Only of this volume: its id, or <instance>/<target>',
        })
        .option('instance', { type: 'string', requiresArg: true, describe: 'Only of this instance: its name or id' })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .example('$0 snapshot list', 'All snapshots, with what each takes and what deleting it would free')
        .example('$0 snapshot list --volume web-1/vda', 'Those of one volume')
        .example('$0 snapshot list --instance db --json', 'For a program'),
    ({ volume, instance, limit, marker, ...argv }) => {
      const filter = pickGiven({ volume, instance, limit, marker });
      host.execute(argv, { recovery: 'attempted', run: (context) => listSnapshots(context, filter) });
    },
  );
}

export async function listSnapshots({ client, output }: CommandContext, filter: SnapshotFilter): Promise<number> {
  const snapshots = await client.snapshots.list(filter);
  await printResult(output, snapshots, () => renderSnapshots(output, snapshots));
  return 0;
}
