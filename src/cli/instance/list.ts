import type { Argv } from 'yargs';
import { INSTANCE_STATES } from '../../model/instance.ts';
import type { InstanceFilter } from '../../model/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderInstances } from '../render/instance.ts';

const ELSEWHERE = ['host', 'connect', 'state-dir', 'store', 'socket'];

export function addInstanceList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the instances of this host, or of all',
    (command) =>
      command
        .option('name', { type: 'string', requiresArg: true, describe: 'Only those of this name' })
        .option('state', { choices: INSTANCE_STATES, requiresArg: true, describe: 'Only those in this state' })
        .option('all-hosts', {
          type: 'boolean',
          default: false,
          describe: 'Ask all hosts of the inventory (hosts: in the configuration) at once',
        })
        .check((argv) => argv.allHosts !== true || refuseElsewhere(argv))
        .example('$0 instance list', 'All domains that libvirt knows')
        .example('$0 instance list --state active --host node2', 'What runs on another host')
        .example('$0 instance list --all-hosts', 'Of every host; one that is down is told as down'),
    (argv) => {
      const filter = filterOf(argv);
      if (!argv.allHosts) {
        return host.execute(argv, { recovery: 'attempted', run: (context) => listInstances(context, filter) });
      }
      return host.executeStandalone(argv, async (parts) => {
        const [{ openFleet }, { listEverywhere }] = await Promise.all([
          import('../fleet.ts'),
          import('./list-everywhere.ts'),
        ]);
        return await listEverywhere(parts.output, { hosts: openFleet(parts), filter });
      });
    },
  );
}

export async function listInstances({ client, output }: CommandContext, filter: InstanceFilter): Promise<number> {
  const instances = await client.instances.list(filter);
  await printResult(output, instances, () => renderInstances(output, instances));
  return 0;
}
