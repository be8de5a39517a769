import type { Argv } from 'yargs';
import { ERROR_TABLE } from '../../api/error-table.ts';
import { hasCode, toDarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import { type CommandContext, type CommandHost, requireAgent } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { printError } from '../render/error.ts';
import { summarizeOperation } from '../render/operation.ts';
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
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image delete web-1 web-2', 'Delete two images')
        .example('$0 image delete --purge web-1', 'Have its room back now'),
    ({ images, purge, noWait, ...argv }) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => deleteImages(context, images, { isPurged: purge, isAwaited: !noWait }),
      }),
  );
}

interface DeleteOptions {
  readonly isPurged: boolean;
  readonly isAwaited: boolean;
}

/** Ends with the exit code of the first failure. Prints the operations of all that were deleted, or are about to be. */
export async function deleteImages(
  context: CommandContext,
  images: readonly string[],
  options: DeleteOptions,
): Promise<number> {
  if (!options.isAwaited) requireAgent(context);
  const operations: Operation[] = [];
  let exitCode = 0;
  for (const image of images) {
    try {
      operations.push(await deleteOne(context, image, options));
    } catch (error) {
      const failure = toDarkroomError(error);
      printError(context.output, failure);
      exitCode ||= ERROR_TABLE[failure.code].exitCode;
      if (hasCode(failure, 'CANCELLED')) break;
    }
  }
  await printResult(context.output, operations, () => operations.map((one) => tell(one, options)).join('\n'));
  return exitCode;
}

async function deleteOne(
  context: CommandContext,
  image: string,
  { isPurged, isAwaited }: DeleteOptions,
): Promise<Operation> {
  const submit = () => context.client.images.delete(image, { isPurged });
  return isAwaited ? await waitForOperation(context, submit) : await submit();
}

function tell(operation: Operation, { isPurged, isAwaited }: DeleteOptions): string {
  if (!isAwaited) return summarizeOperation(operation);
  return `image ${printable(operation.target)}: ${isPurged ? 'deleted for good' : 'deleted'}`;
}
