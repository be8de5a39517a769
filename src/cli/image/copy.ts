import type { Argv } from 'yargs';
import type { CopyImageBody } from '../../api/schemas/image-transfers.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { storeOnHost } from '../store-on-host.ts';
import { UsageError } from '../usage-error.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addImageCopy(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const store = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  yargs.command(
    'copy <image>',
    'Copy an image to another store, or from one; it keeps its id',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .option('to', store("Name of the other store, s3://bucket/prefix or a folder; else the host's own"))
        .option('from', store("The same, where the image is; else the host's own"))
        .option('no-wait', NO_WAIT_OPTION)
        .check(({ to, from }) => {
          if (to === undefined && from === undefined) throw new UsageError('Give --to, --from or both');
          return true;
        })
        .example('$0 image copy web-golden --to ceph', 'To a store that the settings name')
        .example('$0 image copy web-golden --from ceph', "To the host's own store"),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) => {
          const place = (text: string | undefined) => (text === undefined ? null : storeOnHost(context, text));
          const body = { from: place(argv.from), to: place(argv.to) };
          return copyImage(context, { image: argv.image, isAwaited: !argv.noWait, body });
        },
      }),
  );
}

/** Prints the image; or, of one that neither comes from the host's own store nor to it, the operation. */
export async function copyImage(
  context: CommandContext,
  options: { readonly image: string; readonly body: CopyImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const { image: reference, body, isAwaited } = options;
  const { client, output } = context;
  const submit = () => client.images.copy(reference, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const { from = null, to = null } = body;
  const done = `copied to ${to === null ? "the host's own store" : printable(to)}, ${describeTotal(operation)}`;
  if (from !== null && to !== null) {
    await printResult(output, operation, () => `image ${printable(operation.target)}: ${done}`);
    return 0;
  }
  const image = await client.images.show(operation.result.imageId ?? reference);
  await printResult(output, image, () => `image ${printable(image.name)} (${image.id}): ${done}`);
  return 0;
}
