import { hasCode } from '../../model/errors.ts';
import type { Core, OperationContext } from './context.ts';
import { announceWait, queueForSlot, type Slot, waitForSlot } from './slots.ts';

/**
 * Applies `work` to every item: one after the other in the slot that the caller holds, and beside that in every further slot
 * that comes free. Keeps the order of the results; after the first failure nothing more is started, what runs is waited for, and
 * that failure is thrown.
 */
export async function copyInSlots<T, R>(
  core: Core,
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  const failures: unknown[] = [];
  const pending = [...items.entries()];
  const allBegun = new AbortController();
  /** False when there is nothing more to begin. */
  const doNext = async (): Promise<boolean> => {
    const next = failures.length > 0 ? undefined : pending.shift();
    if (next === undefined || pending.length === 0) allBegun.abort();
    if (next === undefined) return false;
    const [index, item] = next;
    results[index] = await work(item, index);
    return true;
  };
  const runLane = async (doOne: () => Promise<boolean>): Promise<void> => {
    try {
      for (let isMore = true; isMore; ) isMore = await doOne();
    } catch (error) {
      failures.push(error);
      allBegun.abort();
    }
  };
  // a further slot is given back after every disk, so that others come in between
  const doNextInFurtherSlot = async (): Promise<boolean> => {
    await using slot = await waitUnlessAborted(core, allBegun.signal);
    return slot !== null && (await doNext());
  };
  const furtherLanes = Math.max(0, Math.min(core.settings.maxConcurrentCopies, items.length) - 1);
  await Promise.all([runLane(doNext), ...Array.from({ length: furtherLanes }, () => runLane(doNextInFurtherSlot))]);
  if (failures.length > 0) throw failures[0];
  return results;
}

async function waitUnlessAborted(core: Core, signal: AbortSignal): Promise<Slot | null> {
  try {
    return await queueForSlot(core, 'copy', { signal, isPatient: () => !signal.aborted });
  } catch (error) {
    if (signal.aborted && hasCode(error, 'CANCELLED')) return null;
    throw error;
  }
}

export interface CopyTurns {
  /** Does the work in a slot of its own. CANCELLED when the signal fired before there was one. */
  take<T>(work: () => Promise<T>): Promise<T>;
}

/** For disks that may turn out to need no copy: each asks for a slot when it does. */
export function createCopyTurns(
  context: OperationContext,
  {
    step,
    signal,
  }: {
    /** What the operation goes on with after it has waited. */ readonly step: string;
    readonly signal: AbortSignal;
  },
): CopyTurns {
  let copying = 0;
  const { sayWaiting, sayWorking } = announceWait(context, 'copy');
  // while a disk of the operation is copied, it does not wait as a whole
  const onWait = async (): Promise<void> => {
    if (copying === 0) await sayWaiting();
  };
  return {
    async take(work) {
      await using _slot = await waitForSlot(context, 'copy', { signal, onWait });
      copying += 1;
      try {
        await sayWorking(step);
        return await work();
      } finally {
        copying -= 1;
      }
    },
  };
}
