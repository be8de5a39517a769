import type { Argv } from 'yargs';
import { POWER_VERBS, type PowerVerb } from '../../api/power-verbs.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printInstanceOf } from './changed-instance.ts';

const DESCRIPTIONS: Readonly<Record<PowerVerb, string>> = {
  start: 'Start an instance; a suspended one goes on where it was',
  pause: 'Stop the vCPUs of an instance; its memory stays',
  resume: 'Let a paused instance go on',
  suspend: 'Save the memory of an instance to disk and switch it off',
};

export function addInstancePower(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  for (const verb of POWER_VERBS) {
    yargs.command(
      `${verb} <instance>`,
      DESCRIPTIONS[verb],
      (command) =>
        command
          .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
          .example(`$0 instance ${verb} web-1`, DESCRIPTIONS[verb]),
      (argv) =>
        host.execute(argv, {
          recovery: 'required',
          run: (context) => powerInstance(context, { instance: argv.instance, verb }),
        }),
    );
  }
}

export async function powerInstance(
  context: CommandContext,
  { instance, verb }: { readonly instance: string; readonly verb: PowerVerb },
): Promise<number> {
  const operation = await waitForOperation(context, () => context.client.instances.power(instance, verb));
  return await printInstanceOf(context, { operation, reference: instance });
}
