import type { Argv } from 'yargs';
import { STOP_VERBS, type StopVerb } from '../../api/power-verbs.ts';
import type { StopInstanceBody } from '../../api/schemas/instances.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printInstanceOf } from './changed-instance.ts';

const DEFAULT_TIMEOUT_S = 60;

const DESCRIPTIONS: Readonly<Record<StopVerb, string>> = {
  stop: 'Ask the guest to shut down, and wait for it',
  reboot: 'Ask the guest to reboot, and wait for it',
};

export function addInstanceStop(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  for (const verb of STOP_VERBS) {
    yargs.command(
      `${verb} <instance>`,
      DESCRIPTIONS[verb],
      (command) =>
        command
          .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
          .option('force', { type: 'boolean', default: false, describe: 'Pull the plug instead of asking' })
          .option('timeout', {
            type: 'number',
            requiresArg: true,
            default: DEFAULT_TIMEOUT_S,
            describe: 'Seconds to wait for the guest',
          })
          .example(`$0 instance ${verb} web-1`, 'In an orderly way')
          .example(`$0 instance ${verb} web-1 --force`, 'At once; the guest may lose data'),
      (argv) =>
        host.execute(argv, {
          recovery: 'required',
          run: (context) =>
            stopInstance(context, {
              instance: argv.instance,
              verb,
              body: { isForced: argv.force, timeoutMs: Math.round(argv.timeout * 1000) },
            }),
        }),
    );
  }
}

export async function stopInstance(
  context: CommandContext,
  options: { readonly instance: string; readonly verb: StopVerb; readonly body: StopInstanceBody },
): Promise<number> {
  const { instance, verb, body } = options;
  const operation = await waitForOperation(context, () => context.client.instances.stop(instance, verb, body));
  return await printInstanceOf(context, { operation, reference: instance });
}
