import type { Argv } from 'yargs';
import type { ExportImageBody } from '../../api/schemas/images.ts';
import { DISK_FORMATS } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { pathOnHost } from '../path-on-host.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addImageExport(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'export <image> <file>',
    'Write an image to a file, or to a folder when it has several disks or firmware variables',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .positional('file', {
          type: 'string',
          demandOption: true,
          describe: 'What to write, on the host that does it; must not exist yet',
        })
        .option('format', { choices: DISK_FORMATS, requiresArg: true, describe: 'Of the disks; else as in the store' })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image export web-golden web.qcow2', 'One disk, one file')
        .example('$0 image export db ./db --format raw', 'Several disks, a folder')
        .example('$0 image export db /srv/export/db --host node2', 'On node2: an absolute path there'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          exportImage(context, {
            image: argv.image,
            isAwaited: !argv.noWait,
            body: { path: pathOnHost(context, argv.file), format: argv.format ?? null },
          }),
      }),
  );
}

/** Prints the operation: what it wrote is a file, and no thing of ours. */
export async function exportImage(
  context: CommandContext,
  { image, body, isAwaited }: { readonly image: string; readonly body: ExportImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.images.export(image, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  await printResult(
    context.output,
    operation,
    () => `image ${printable(operation.target)}: exported to ${printable(body.path)}, ${describeTotal(operation)}`,
  );
  return 0;
}
