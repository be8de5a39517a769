import type { Argv } from 'yargs';
import { INSTANCE_STATES } from '../../model/instance.ts';
import type { InstanceFilter } from '../../model/requests.ts';
import { ALL_HOSTS_OPTION, OF_ONE_HOST } from '../all-hosts-option.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from '../page-options.ts';
import { pickGiven } from '../pick-given.ts';
import { renderInstances } from '../render/instance.ts';

export function addInstanceList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the instances of this host, or of all',
    (command) =>
      command
        .option('name', { type: 'string', requiresArg: true, describe: 'Only those of this name' })
        .option('state', { choices: INSTANCE_STATES, requiresArg: true, describe: 'Only those in this state' })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .option('all-hosts', ALL_HOSTS_OPTION)
        .conflicts('all-hosts', [...OF_ONE_HOST, 'limit'])
        .example('$0 instance list', 'All domains that libvirt knows, and what is shelved')
        .example('$0 instance list --state active --host node2', 'What runs on another host')
        .example('$0 instance list --all-hosts', 'Of every host; one that does not answer is told as down'),
    (argv) => {
      const { name, state, limit, marker } = argv;
      const filter = pickGiven({ name, state, limit, marker });
      if (argv.allHosts !== true) {
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
