import type { Argv } from 'yargs';
import { IMAGE_TYPES } from '../../model/image.ts';
import type { ImageFilter } from '../../model/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderImages } from '../render/image.ts';

export function addImageList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the images of the store',
    (command) =>
      command
        .option('type', { choices: IMAGE_TYPES, requiresArg: true, describe: 'Only images of this type' })
        .example('$0 image list', 'All images')
        .example('$0 image list --type imported --json', 'For a program'),
    (argv) =>
      host.execute(argv, {
        recovery: 'attempted',
        run: (context) => listImages(context, argv.type === undefined ? {} : { type: argv.type }),
      }),
  );
}

export async function listImages({ client, output }: CommandContext, filter: ImageFilter): Promise<number> {
  const images = await client.images.list(filter);
  await printResult(output, images, () => renderImages(output, images));
  return 0;
}
