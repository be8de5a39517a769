import type { Argv } from 'yargs';
import { IMAGE_STATUSES, IMAGE_TYPES, IMAGE_VISIBILITIES } from '../../model/image.ts';
import type { Page } from '../../model/pages.ts';
import type { ImageFilter } from '../../model/requests.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { LIMIT_OPTION, MARKER_OPTION } from '../page-options.ts';
import { pickGiven } from '../pick-given.ts';
import { renderImages } from '../render/image.ts';
import { renderRecycledImages } from '../render/recycled-image.ts';

export function addImageList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the images of the store',
    (command) =>
      command
        .option('type', { choices: IMAGE_TYPES, requiresArg: true, describe: 'Only images of this type' })
        .option('name', { type: 'string', requiresArg: true, describe: 'Only those of this name' })
        .option('status', { choices: IMAGE_STATUSES, requiresArg: true, describe: 'Only those of this status' })
        .option('owner', { type: 'string', requiresArg: true, describe: 'Only those of this principal' })
        .option('visibility', {
          choices: IMAGE_VISIBILITIES,
          requiresArg: true,
          describe: 'Only those that are seen so far',
        })
        .option('instance', {
          type: 'string',
          requiresArg: true,
          describe: 'Only those made of this instance, by its id',
        })
        .option('deleted', {
          type: 'boolean',
          conflicts: ['type', 'name', 'status', 'owner', 'visibility', 'instance'],
          describe: 'Those that were deleted and can be brought back',
        })
        .option('limit', LIMIT_OPTION)
        .option('marker', MARKER_OPTION)
        .example('$0 image list', 'All images')
        .example('$0 image list --type snapshot --limit 20', 'The first page of captures')
        .example('$0 image list --deleted', 'What image undelete can bring back')
        .example('$0 image list --type imported --json', 'For a program'),
    ({ type, name, status, owner, visibility, instance, deleted, limit, marker, ...argv }) => {
      if (deleted === true) {
        const page = pickGiven({ limit, marker });
        return host.execute(argv, { recovery: 'attempted', run: (context) => listDeletedImages(context, page) });
      }
      const filter = pickGiven({ type, name, status, owner, visibility, instance, limit, marker });
      return host.execute(argv, { recovery: 'attempted', run: (context) => listImages(context, filter) });
    },
  );
}

export async function listImages({ client, output }: CommandContext, filter: ImageFilter): Promise<number> {
  const images = await client.images.list(filter);
  await printResult(output, images, () => renderImages(output, images));
  return 0;
}

export async function listDeletedImages({ client, output }: CommandContext, page: Page): Promise<number> {
  const recycled = await client.images.listDeleted(page);
  await printResult(output, recycled, () => renderRecycledImages(recycled));
  return 0;
}
