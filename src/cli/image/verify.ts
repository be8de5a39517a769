import type { Argv } from 'yargs';
import type { VerifyImageBody } from '../../api/schemas/images.ts';
import type { Image } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';

const DEFAULT_TIMEOUT_S = 300;

export function addImageVerify(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'verify <image>',
    'Read an image again and check its checksums and structure',
    (command) =>
      command
        .positional('image', { type: 'string', demandOption: true, describe: 'Name or id of the image' })
        .option('boot', { type: 'boolean', default: false, describe: 'Also boot a throw-away copy, without network' })
        .option('expect', {
          type: 'string',
          requiresArg: true,
          describe: 'With --boot: text to see on the serial console; without: the guest agent must answer',
        })
        .option('timeout', {
          type: 'number',
          requiresArg: true,
          default: DEFAULT_TIMEOUT_S,
          describe: 'Seconds that the boot may take',
        })
        .option('no-wait', NO_WAIT_OPTION)
        .example('$0 image verify web-golden', 'Checksums and qcow2 structure')
        .example("$0 image verify web-golden --boot --expect 'login:'", 'And see it come up'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          verifyImage(context, {
            image: argv.image,
            isAwaited: !argv.noWait,
            body: { isBooted: argv.boot, expect: argv.expect ?? null, timeoutMs: Math.round(argv.timeout * 1000) },
          }),
      }),
  );
}

export async function verifyImage(
  context: CommandContext,
  options: { readonly image: string; readonly body: VerifyImageBody; readonly isAwaited: boolean },
): Promise<number> {
  const { image: reference, body, isAwaited } = options;
  const { client, output } = context;
  const submit = () => client.images.verify(reference, body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const image = await client.images.show(operation.result.imageId ?? reference);
  const how = body.isBooted ? 'checked and booted' : 'checked';
  await printResult(
    output,
    image,
    () => `image ${printable(image.name)} (${image.id}): ${how}, ${countDisks(image)}, ${describeTotal(operation)}`,
  );
  return 0;
}

function countDisks({ disks }: Pick<Image, 'disks'>): string {
  return disks.length === 1 ? '1 disk' : `${disks.length} disks`;
}
