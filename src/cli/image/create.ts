import type { Argv } from 'yargs';
import type { CreateImageBody } from '../../api/schemas/images.ts';
import { CAPTURE_OPTIONS } from '../capture-options.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { parseProperties } from '../parse-properties.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printMadeImage } from './made-image.ts';

export function addImageCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create <instance>',
    'Make a bootable image of an instance, running or not',
    (command) =>
      command
        .positional('instance', { type: 'string', demandOption: true, describe: 'Name or id of the instance' })
        .option('name', { type: 'string', demandOption: true, requiresArg: true, describe: 'Name of the image' })
        .options(CAPTURE_OPTIONS)
        .option('generalize', {
          type: 'boolean',
          default: false,
          describe: 'Take machine-id, host keys and leases out of the image (virt-sysprep)',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image create web-1 --name web-golden', 'Capture a running guest')
        .example(
          '$0 image create db --name db-1 --consistency quiesced',
          'Refuse unless its file systems can be frozen',
        )
        .example('$0 image create web-1 --name base --generalize --property os_distro=debian', 'A template'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const body = {
          instance: argv.instance,
          name: argv.name,
          consistency: argv.consistency,
          description: argv.description ?? null,
          properties: parseProperties(argv.property),
          isGeneralized: argv.generalize,
        };
        return { recovery: 'required', run: (context) => createImage(context, { isAwaited: !argv.noWait, body }) };
      }),
  );
}

export interface CreateImageOptions {
  readonly body: CreateImageBody;
  readonly isAwaited: boolean;
}

export async function createImage(context: CommandContext, { body, isAwaited }: CreateImageOptions): Promise<number> {
  const submit = () => context.client.images.create(body);
  if (!isAwaited) return await beginOperation(context, submit);
  return await printMadeImage(context, await waitForOperation(context, submit));
}
