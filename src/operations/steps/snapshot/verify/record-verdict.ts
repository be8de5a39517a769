import { hasCode } from '../../../../model/errors.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import type { OperationContext } from '../../../support/context.ts';
import { acquireLocks } from '../../../support/operation-locks.ts';
import { volumeLock } from '../snapshot-locks.ts';
import { claimVolume, releaseVolume } from '../volume-claim.ts';

const KIND = 'snapshot.verify';
const PATIENCE_MS = 60_000;
const RETRY_MS = 500;

export interface Verdict {
  readonly volume: string;
  readonly ids: readonly string[];
  /** The record as it should be; the same object where it is so already. */
  readonly change: (current: SnapshotRecord) => SnapshotRecord;
}

/**
 * What was found goes on record, in the turn of this operation among those that change records of the volume. That it cannot be
 * recorded is a warning: it must not hide what was found.
 */
export async function recordVerdict(context: OperationContext, verdict: Verdict): Promise<void> {
  try {
    await awaitTurn(context, verdict.volume);
    try {
      for (const id of verdict.ids) await updateRecord(context, id, verdict);
    } finally {
      await releaseVolume(context, verdict.volume, context.operation);
    }
  } catch (error) {
    context.log.error({ volume: verdict.volume, error: String(error) }, 'what a verify found could not be recorded');
    context.operation.warn(`What was found could not be recorded in the store: ${String(error)}`);
  }
}

/** Others may work on the volume meanwhile, and a verify holds nobody up. */
async function awaitTurn(context: OperationContext, volume: string): Promise<void> {
  const operation = { id: context.operation.id, kind: KIND };
  const deadline = context.clock.monotonicMs() + PATIENCE_MS;
  for (;;) {
    try {
      const request = { exclusive: [volumeLock(volume)], shared: [] };
      await acquireLocks(context, request, { operationId: operation.id, kind: KIND });
      return await claimVolume(context, volume, operation);
    } catch (error) {
      if (!hasCode(error, 'VOLUME_BUSY') || context.clock.monotonicMs() > deadline) throw error;
      await context.clock.sleep(RETRY_MS);
    }
  }
}

async function updateRecord(context: OperationContext, id: string, { change }: Verdict): Promise<void> {
  const current = await context.snapshots.read(id);
  const changed = change(current);
  if (changed !== current) await context.snapshots.update(changed);
}
