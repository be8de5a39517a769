import type { Argv } from 'yargs';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { renderImage } from '../render/image.ts';

export function addImageShow(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'show <image>',
    'Show all that is known of an image',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .example('$0 image show web-golden', 'Its disks, checksums and properties'),
    (argv) => host.execute(argv, { recovery: 'attempted', run: (context) => showImage(context, argv.image) }),
  );
}

export async function showImage({ client, output }: CommandContext, reference: string): Promise<number> {
  const image = await client.images.show(reference);
  await printResult(output, image, () => renderImage(output, image));
  return 0;
}
