import type { Argv } from 'yargs';
import type { PullImageBody } from '../../api/schemas/image-transfers.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { parseServiceName } from '../service-name.ts';
import { waitForOperation } from '../wait-for-operation.ts';
import { printMadeImage } from './made-image.ts';

export function addImagePull(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'pull <service> <image>',
    'Make an image of one of an OpenStack image service',
    (command) =>
      command
        .positional('service', {
          type: 'string',
          demandOption: true,
          describe: "glance:NAME, with NAME as in the section 'glance:'",
        })
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image there' })
        .option('name', { type: 'string', requiresArg: true, describe: 'What it is called here; else as there' })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image pull glance:cloud debian-12', 'Under the name that it has there')
        .example('$0 instance launch web-2 --image debian-12', 'And boot it here'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const service = parseServiceName('service', argv.service);
        const body = { service, image: argv.image, name: argv.name ?? null };
        return { recovery: 'required', run: (context) => pullImage(context, { isAwaited: !argv.noWait, body }) };
      }),
  );
}

export async function pullImage(
  context: CommandContext,
  { body, isAwaited }: { readonly body: PullImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.images.pull(body);
  if (!isAwaited) return await beginOperation(context, submit);
  return await printMadeImage(context, await waitForOperation(context, submit));
}
