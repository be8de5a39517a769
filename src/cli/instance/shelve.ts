import type { Argv } from 'yargs';
import type { ShelveInstanceBody } from '../../api/schemas/instances.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printInstanceOf } from './changed-instance.ts';

const DEFAULT_TIMEOUT_S = 60;

export function addInstanceShelve(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'shelve <instance>',
    'Give the CPU, RAM and disk of an instance back; it can return as the same machine',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('offload', { type: 'boolean', conflicts: 'no-offload', describe: 'Take it from this host at once' })
        .option('no-offload', {
          type: 'boolean',
          describe: 'Leave it here until instance offload; without either the configuration says',
        })
        .option('shutdown-timeout', {
          type: 'number',
          requiresArg: true,
          default: DEFAULT_TIMEOUT_S,
          describe: 'Seconds to wait for the guest before its plug is pulled',
        })
        .option('keep-memory', {
          type: 'boolean',
          default: false,
          describe: 'Save its RAM too, so that it goes on where it was',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 instance shelve web-1', 'Shut down, stored, gone from this host')
        .example('$0 instance shelve web-1 --keep-memory', 'Not even its uptime ends'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          shelveInstance(context, {
            instance: argv.instance,
            isAwaited: !argv.noWait,
            body: {
              isOffloaded: argv.noOffload === true ? false : (argv.offload ?? null),
              shutdownTimeoutMs: Math.round(argv.shutdownTimeout * 1000),
              keepsMemory: argv.keepMemory,
            },
          }),
      }),
  );

  yargs.command(
    'offload <instance>',
    'Take a shelved instance from its host',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 instance offload web-1', 'After a shelve with --no-offload'),
    ({ instance, noWait, ...argv }) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => offloadInstance(context, { instance, isAwaited: !noWait }),
      }),
  );
}

export async function shelveInstance(
  context: CommandContext,
  options: { readonly instance: string; readonly body: ShelveInstanceBody; readonly isAwaited: boolean },
): Promise<number> {
  const { instance, body, isAwaited } = options;
  const submit = () => context.client.instances.shelve(instance, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  return await printInstanceOf(context, { operation, reference: instance });
}

export async function offloadInstance(
  context: CommandContext,
  { instance, isAwaited }: { readonly instance: string; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.instances.offload(instance);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  return await printInstanceOf(context, { operation, reference: instance });
}
