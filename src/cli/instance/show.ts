import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderInstance } from '../render/instance.ts';

export function addInstanceShow(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'show <instance>',
    'Show an instance with its disks and addresses',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .example('$0 instance show web-1', 'State, disks, MACs and addresses')
        .example("$0 instance show web-1 --json | jq -r '.addresses[0].address'", 'Its first address'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => showInstance(context, argv.instance) }),
  );
}

export async function showInstance({ client, output }: CommandContext, reference: string): Promise<number> {
  const instance = await client.instances.show(reference);
  await printResult(output, instance, () => renderInstance(output, instance));
  return 0;
}
