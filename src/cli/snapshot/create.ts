import type { Argv } from 'yargs';
import type { CreateSnapshotBody } from '../../api/schemas/snapshots.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { Operation } from '../../model/operation.ts';
import { CONSISTENCY_OPTION } from '../capture-options.ts';
import type { CommandContext, CommandHost } from '../context.ts';
import type { GlobalOptions } from '../global-options.ts';
import { beginOperation, NO_WAIT_OPTION } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { renderSnapshots, summarizeSnapshot } from '../render/snapshot.ts';
import { UsageError } from '../usage-error.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export function addSnapshotCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  const flag = (describe: string) => ({ type: 'boolean', default: false, describe }) as const;
  yargs.command(
    'create [volume]',
    'Take a snapshot of a volume, or of all volumes of an instance at one instant',
    (command) =>
      command
        .positional('volume', { type: 'string', describe: 'Id of the volume, or <instance>/<target>' })
        .option('instance', { type: 'string', requiresArg: true, describe: 'All volumes of this instance instead' })
        .option('description', { type: 'string', requiresArg: true, describe: 'What it is for' })
        .option('consistency', CONSISTENCY_OPTION)
        .option('full', flag('All blocks, whatever snapshots there are already'))
        .option('compress', flag('Store it in compressed clusters (zstd)'))
        .option('encrypt', flag('Store it encrypted (LUKS), with the key of the configuration'))
        .option('no-wait', NO_WAIT_OPTION)
        .check(({ volume, instance }) => (volume === undefined) !== (instance === undefined) || refuseSubject())
        .example('$0 snapshot create web-1/vda', 'What changed since the last one; the first holds all')
        .example('$0 snapshot create --instance db --consistency quiesced', 'All volumes at one instant')
        .example('$0 snapshot create db/vdb --description "before the upgrade"', 'Say what it is for'),
    (argv) => {
      const body = {
        volume: argv.volume ?? null,
        instance: argv.instance ?? null,
        description: argv.description ?? null,
        consistency: argv.consistency,
        isFull: argv.full,
        isCompressed: argv.compress,
        isEncrypted: argv.encrypt,
      };
      host.execute(argv, {
        recovery: 'required',
        asksLibvirt: true,
        run: (context) => createSnapshot(context, { body, isAwaited: !argv.noWait }),
      });
    },
  );
}

function refuseSubject(): never {
  throw new UsageError('Give a volume, or --instance: one of both');
}

/** Prints the snapshot; of a whole instance always a list, however many volumes it has. */
export async function createSnapshot(
  context: CommandContext,
  { body, isAwaited }: { readonly body: CreateSnapshotBody; readonly isAwaited: boolean },
): Promise<number> {
  const { client, output } = context;
  const submit = () => client.snapshots.create(body);
  if (!isAwaited) return await beginOperation(context, submit);
  const operation = await waitForOperation(context, submit);
  const snapshots = await Promise.all(madeIds(operation).map((id) => client.snapshots.show(id)));
  const [snapshot] = snapshots;
  if (body.volume === null || snapshot === undefined) {
    await printResult(output, snapshots, () => renderSnapshots(output, snapshots));
  } else {
    await printResult(output, snapshot, () => summarizeSnapshot(snapshot, operation));
  }
  return 0;
}

function madeIds({ id, result: { snapshotId, snapshotIds } }: Operation): readonly string[] {
  if (snapshotIds !== undefined && snapshotIds.length > 0) return snapshotIds;
  if (snapshotId !== undefined) return [snapshotId];
  throw new DarkroomError('INTERNAL', `Operation ${id} succeeded but names no snapshot.`);
}
