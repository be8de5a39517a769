import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addInstanceDelete(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'delete <instance>',
    'Delete an instance and what its launch made',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('force', {
          type: 'boolean',
          default: false,
          describe: 'Also one that Darkroom did not make; its disks are kept',
        })
        .example('$0 instance delete web-2', 'An instance that was launched here'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => deleteInstance(context, { instance: argv.instance, isForced: argv.force }),
      }),
  );
}

/** Prints the operation: the instance is no more. */
export async function deleteInstance(
  context: CommandContext,
  { instance, isForced }: { readonly instance: string; readonly isForced: boolean },
): Promise<number> {
  const operation = await waitForOperation(context, () => context.client.instances.delete(instance, { isForced }));
  await printResult(context.output, operation, () => `instance ${printable(operation.target)}: deleted`);
  return 0;
}
