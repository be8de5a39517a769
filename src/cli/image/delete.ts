import type { Argv } from 'yargs';
import { ERROR_TABLE } from '../../api/error-table.ts';
import { hasCode, toDarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { printResult } from '../output.ts';
import { printError } from '../render/error.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addImageDelete(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'delete <images..>',
    'Delete images that no instance depends on; for some days they can be brought back',
    (command) =>
      command
        .positional('images', {
          type: 'string',
          array: true,
          demandOption: true,
          describe: 'Names or ids; goes on after one that cannot be deleted',
        })
        .option('purge', {
          type: 'boolean',
          default: false,
          describe: 'For good, at once, and also those that were deleted before',
        })
        .example('$0 image delete web-1 web-2', 'Delete two images')
        .example('$0 image delete --purge web-1', 'Have its room back now'),
    ({ images, purge, ...argv }) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => deleteImages(context, images, { isPurged: purge }),
      }),
  );
}

/** Ends with the exit code of the first failure. Prints the operations of all that were deleted. */
export async function deleteImages(
  context: CommandContext,
  images: readonly string[],
  { isPurged }: { readonly isPurged: boolean },
): Promise<number> {
  const operations: Operation[] = [];
  let exitCode = 0;
  for (const image of images) {
    try {
      operations.push(await waitForOperation(context, () => context.client.images.delete(image, { isPurged })));
    } catch (error) {
      const failure = toDarkroomError(error);
      printError(context.output, failure);
      exitCode ||= ERROR_TABLE[failure.code].exitCode;
      if (hasCode(failure, 'CANCELLED')) break;
    }
  }
  const text = operations
    .map(({ target }) => `image ${printable(target)}: ${isPurged ? 'deleted for good' : 'deleted'}`)
    .join('\n');
  await printResult(context.output, operations, () => text);
  return exitCode;
}
