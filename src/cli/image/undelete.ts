import type { Argv } from 'yargs';
import type { Image } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { printable } from '../render/text.ts';

export function addImageUndelete(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'undelete <image>',
    'Bring a deleted image back',
    (command) =>
      command
        .positional('image', {
          type: 'string',
          demandOption: true,
          describe: 'Its id, or its name where no other deleted image has it',
        })
        .example('$0 image list --deleted', 'What can be brought back')
        .example('$0 image undelete web-1', 'Bring one back'),
    ({ image, ...argv }) =>
      host.execute(argv, { recovery: 'attempted', run: (context) => undeleteImage(context, image) }),
  );
}

export async function undeleteImage({ client, output }: CommandContext, reference: string): Promise<number> {
  const image = await client.images.undelete(reference);
  await printResult(output, image, () => describeReturn(image));
  return 0;
}

function describeReturn(image: Image): string {
  const line = `image ${printable(image.name)} (${image.id}): back again`;
  if (image.properties['image_type'] !== 'backup') return line;
  const remedy = `to keep it: darkroom image set ${image.id} --protected`;
  return `${line}\nIt is a backup, and the next one may rotate it out again; ${remedy}`;
}
