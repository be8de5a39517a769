import type { Argv } from 'yargs';
import type { UnshelveInstanceBody } from '../../api/schemas/instances.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { parsePairs } from '../parse-properties.ts';
import { pathOnHost } from '../path-on-host.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printInstanceOf } from './changed-instance.ts';

export function addInstanceUnshelve(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'unshelve <instance>',
    'Bring a shelved instance back, on this host',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('no-start', { type: 'boolean', default: false, describe: 'Leave it off, whatever it did before' })
        .option('network', {
          type: 'string',
          array: true,
          requiresArg: true,
          default: [],
          describe: 'OLD=NEW: what a network of its definition is called here; may be repeated',
        })
        .option('disk-dir', {
          type: 'string',
          requiresArg: true,
          describe: 'Folder for its disks; where they were else',
        })
        .option('cold', { type: 'boolean', default: false, describe: 'Without its saved memory' })
        .option('steal', {
          type: 'boolean',
          default: false,
          describe: 'Although another host claims it, which must be dead',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 instance unshelve web-1', 'Here, as it was')
        .example('$0 instance unshelve web-1 --network lan=default --disk-dir /srv/vms', 'On a host that differs'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          unshelveInstance(context, {
            instance: argv.instance,
            isAwaited: !argv.noWait,
            body: {
              isStarted: !argv.noStart,
              networks: parsePairs('network', argv.network),
              diskDir: argv.diskDir === undefined ? null : pathOnHost(context, argv.diskDir),
              isCold: argv.cold,
              isStealing: argv.steal,
            },
          }),
      }),
  );
}

export async function unshelveInstance(
  context: CommandContext,
  options: { readonly instance: string; readonly body: UnshelveInstanceBody; readonly isAwaited: boolean },
): Promise<number> {
  const { instance, body, isAwaited } = options;
  const submit = () => context.client.instances.unshelve(instance, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  return await printInstanceOf(context, { operation, reference: instance });
}
