import type { Argv } from 'yargs';
import type { CreateVolumeBody } from '../../api/schemas/volumes.ts';
import { DISK_FORMATS } from '../../model/image.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { pathOnHost } from '../path-on-host.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { UsageError } from '../usage-error.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addVolumeCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create',
    'Make a new file from a snapshot, ready to be attached',
    (command) =>
      command
        .option('from-snapshot', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'Id of the snapshot, or its first 8 characters or more',
        })
        .option('file', {
          type: 'string',
          requiresArg: true,
          describe: "What to write, on the host that does it; else a new name in the instances' folder",
        })
        .option('thin', {
          type: 'boolean',
          default: false,
          describe: 'Hold only what changes from now on; the snapshot cannot go as long as it is there',
        })
        .option('format', {
          choices: DISK_FORMATS,
          default: 'qcow2',
          requiresArg: true,
          describe: 'Of the file',
        } as const)
        .option('no-wait', NO_WAIT_OPTION)
        .check(({ thin, format }) => !thin || format === 'qcow2' || refuseRaw())
        .example('$0 volume create --from-snapshot 7c6b5a49', 'A copy of its own; prints its path')
        .example('$0 volume create --from-snapshot 7c6b5a49 --thin', 'There at once, whatever its size')
        .example('$0 volume create --from-snapshot 7c6b5a49 --file /srv/vdb.raw --format raw', 'Where you like'),
    (argv) =>
      host.execute(argv, {
        recovery: 'required',
        run: (context) =>
          createVolume(context, {
            isAwaited: !argv.noWait,
            body: {
              snapshot: argv.fromSnapshot,
              path: argv.file === undefined ? null : pathOnHost(context, argv.file),
              clone: argv.thin ? 'thin' : 'full',
              format: argv.format,
            },
          }),
      }),
  );
}

function refuseRaw(): never {
  throw new UsageError('--thin makes qcow2 files: leave --format out');
}

/** Prints the volume, which is no instance's yet. */
export async function createVolume(
  context: CommandContext,
  { body, isAwaited }: { readonly body: CreateVolumeBody; readonly isAwaited: boolean },
): Promise<number> {
  const submit = () => context.client.volumes.create(body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const { path = body.path ?? '-', snapshotId = body.snapshot, volume } = operation.result;
  const facts = `${body.clone}, ${body.format}, from snapshot ${printable(snapshotId)}`;
  await printResult(
    context.output,
    volume ?? operation,
    () => `volume ${printable(path)}: ${facts}, ${describeTotal(operation)}`,
  );
  return 0;
}
