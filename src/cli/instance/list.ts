import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderInstances } from '../render/instance.ts';

export function addInstanceList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the instances of this host',
    (command) => command.example('$0 instance list', 'All domains that libvirt knows'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: listInstances }),
  );
}

export async function listInstances({ client, output }: CommandContext): Promise<number> {
  const instances = await client.instances.list();
  await printResult(output, instances, () => renderInstances(output, instances));
  return 0;
}
