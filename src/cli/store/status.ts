import type { Argv } from 'yargs';
import { EXIT_CODES } from '../../api/error-table.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderStoreStatuses } from '../render/store.ts';
import { storeOnHost } from '../store-on-host.ts';

export function addStoreStatus(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'status [name]',
    'Show what is in each store, what of it is kept on this host, and whether it can be reached',
    (command) =>
      command
        .positional('name', { type: 'string', describe: 'Name of a store or image service; else all of them' })
        .example('$0 store status', 'All stores and image services')
        .example('$0 store status ceph', 'Ends with 6 when it cannot be reached'),
    (argv) => host.execute(argv, { recovery: 'none', run: (context) => showStoreStatus(context, argv.name) }),
  );
}

/** A store that cannot be reached is no failure of this command: it is printed as asked, and the exit code tells. */
export async function showStoreStatus(context: CommandContext, store: string | undefined): Promise<number> {
  const { client, output } = context;
  const statuses = await client.stores.status(store === undefined ? undefined : storeOnHost(context, store));
  await printResult(output, statuses, () => renderStoreStatuses(output, statuses));
  return statuses.every(({ isReachable }) => isReachable) ? EXIT_CODES.done : EXIT_CODES.failed;
}
