import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderSnapshotWithChain } from '../render/snapshot.ts';
import { SNAPSHOT_POSITIONAL } from './positional.ts';

export function addSnapshotShow(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'show <snapshot>',
    'Show all that is known of a snapshot, and the chain that it is part of',
    (command) =>
      command
        .positional('snapshot', SNAPSHOT_POSITIONAL)
        .example('$0 snapshot show 7c6b5a49', 'Sizes, how and why it was made so, and what it stands on'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => showSnapshot(context, argv.snapshot) }),
  );
}

/** For programs the snapshot with its `chain`, from the one that stands alone to itself, and its children. */
export async function showSnapshot({ client, output }: CommandContext, reference: string): Promise<number> {
  const snapshot = await client.snapshots.show(reference);
  const chain = await client.snapshots.showChain(snapshot.id);
  await printResult(output, { ...snapshot, chain }, () => renderSnapshotWithChain(output, snapshot, chain));
  return 0;
}
