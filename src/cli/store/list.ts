import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderStores } from '../render/store.ts';

export function addStoreList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the stores and image services that the settings of this host name',
    (command) =>
      command.example('$0 store list', "The host's own store first").example('$0 store list --json', 'For a program'),
    // nobody is asked anything
    (argv) => host.execute(argv, { recovery: 'none', run: listStores }),
  );
}

export async function listStores({ client, output }: CommandContext): Promise<number> {
  const stores = await client.stores.list();
  await printResult(output, stores, () => renderStores(stores));
  return 0;
}
