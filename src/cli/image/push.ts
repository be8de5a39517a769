import type { Argv } from 'yargs';
import type { PushImageBody } from '../../api/schemas/image-transfers.ts';
import { DarkroomError } from '../../model/errors.ts';
import { IMAGE_VISIBILITIES } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { parseServiceName } from '../service-name.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addImagePush(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  yargs.command(
    'push <image>',
    'Copy an image to an OpenStack image service, as an image of one disk',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .option('to', { ...text("glance:NAME, with NAME as in the section 'glance:'"), demandOption: true })
        .option('name', text('What it is called there; else as here'))
        .option('disk', text('Target of the disk, such as vda, where the image has several'))
        .option('visibility', { choices: IMAGE_VISIBILITIES, requiresArg: true, describe: 'There; else as here' })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image push web-golden --to glance:cloud', 'It boots there as it does here')
        .example('$0 image push db --to glance:cloud --disk vdb --name db-data', 'One disk of several'),
    (argv) =>
      host.prepareAndExecute(argv, async () => {
        const { name = null, disk = null, visibility = null } = argv;
        const body = { service: parseServiceName('--to', argv.to), name, disk, visibility };
        return {
          recovery: 'required',
          run: (context) => pushImage(context, { image: argv.image, isAwaited: !argv.noWait, body }),
        };
      }),
  );
}

/** Prints what it is known by there. */
export async function pushImage(
  context: CommandContext,
  options: { readonly image: string; readonly body: PushImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const { image: reference, body, isAwaited } = options;
  const { client, output } = context;
  const submit = () => client.images.push(reference, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const { serviceImageId: id, imageId = reference } = operation.result;
  if (id === undefined) {
    throw new DarkroomError('INTERNAL', `Operation ${operation.id} succeeded but names no image of the service.`);
  }
  const image = await client.images.show(imageId);
  const made = { id, service: `glance:${body.service}`, name: body.name ?? image.name, image: image.id };
  await printResult(
    output,
    made,
    () =>
      `image ${printable(image.name)} (${image.id}): ${printable(id)} of ${made.service}, ${describeTotal(operation)}`,
  );
  return 0;
}
