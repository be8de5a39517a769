import type { Argv } from 'yargs';
import { INSTANCE_STATES, type InstanceState } from '../../model/instance.ts';
import type { InstanceFilter } from '../../model/requests.ts';
import { ALL_HOSTS_OPTION, OF_ONE_HOST } from '../all-hosts-option.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from '../page-options.ts';
import { parsePairs } from '../parse-properties.ts';
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
        .option('label', {
          type: 'string',
          array: true,
          default: [],
          requiresArg: true,
          describe: 'KEY=VALUE: only those with this label; may be repeated',
        })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .option('all-hosts', ALL_HOSTS_OPTION)
        .conflicts('all-hosts', [...OF_ONE_HOST, 'limit'])
        .example('$0 instance list', 'All domains that libvirt knows, and what is shelved')
        .example('$0 instance list --label env=prod', 'What is labelled so')
        .example('$0 instance list --state active --host node2', 'What runs on another host')
        .example('$0 instance list --all-hosts', 'Of every host; one that does not answer is told as down'),
    (argv) => {
      if (argv.allHosts !== true) {
        return host.prepareAndExecute(argv, async () => {
          const filter = filterOf(argv);
          return { recovery: 'attempted', run: (context) => listInstances(context, filter) };
        });
      }
      return host.executeStandalone(argv, async (parts) => {
        const filter = filterOf(argv);
        const [{ openFleet }, { listEverywhere }] = await Promise.all([
          import('../fleet.ts'),
          import('./list-everywhere.ts'),
        ]);
        return await listEverywhere(parts.output, { hosts: openFleet(parts), filter });
      });
    },
  );
}

interface ListFlags {
  readonly name?: string | undefined;
  readonly state?: InstanceState | undefined;
  readonly label: readonly string[];
  readonly limit?: number | undefined;
  readonly marker?: string | undefined;
}

function filterOf({ name, state, label, limit, marker }: ListFlags): InstanceFilter {
  const labels = label.length === 0 ? undefined : parsePairs('label', label);
  return pickGiven({ name, state, labels, limit, marker });
}

export async function listInstances({ client, output }: CommandContext, filter: InstanceFilter): Promise<number> {
  const instances = await client.instances.list(filter);
  await printResult(output, instances, () => renderInstances(output, instances));
  return 0;
}
