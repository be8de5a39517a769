import type { Operation } from '../../model/operation.ts';
import type { CommandContext } from '../context.ts';
import { beginOperation } from '../no-wait.ts';
import { printResult } from '../output.ts';
import { describeTotal } from '../render/image.ts';
import { printable } from '../render/text.ts';
import { waitForOperation } from '../wait-for-operation.ts';

export interface SnapshotDeed {
  readonly snapshot: string;
  readonly isAwaited: boolean;
  readonly submit: () => Promise<Operation>;
  /** As in "copied to /mnt/offsite". */
  readonly done: string;
}

/** Prints the operation: what it made or changed is no snapshot of this store. */
export async function doWithSnapshot(context: CommandContext, deed: SnapshotDeed): Promise<number> {
  if (!deed.isAwaited) return await beginOperation(context, deed.submit);
  const operation = await waitForOperation(context, deed.submit);
  const id = operation.result.snapshotId ?? deed.snapshot;
  await printResult(
    context.output,
    operation,
    () => `snapshot ${printable(id)}: ${deed.done}, ${describeTotal(operation)}`,
  );
  return 0;
}
