import type { Core } from '../../support/context.ts';
import { queueForSlot, type Slot } from '../../support/slots.ts';

/** A guest whose capture failed, or whose process died, should be home at once. */
const HASTY_MS = 5_000;

export interface TurnOptions {
  /** How long others are let go first. */
  readonly patienceMs?: number;
  /** Ends all patience. */
  readonly hurry?: readonly AbortSignal[];
  readonly onWait?: () => Promise<void>;
  readonly onTurn?: () => Promise<void>;
}

/**
 * Waits for one of the slots for commits, but never for good: the limit is there to spare the host's storage, and a guest that stays
 * on its overlay, which grows, is worse than one commit too many. So an undo, a cancellation, a recovery or an overlay that runs out
 * of space goes without (null), and so does everybody when those before do not come to an end. The guest runs meanwhile.
 */
export async function waitForCommitTurn(core: Core, options: TurnOptions = {}): Promise<Slot | null> {
  const deadline = core.clock.monotonicMs() + (options.patienceMs ?? HASTY_MS);
  const isHurried = (): boolean => options.hurry?.some((signal) => signal.aborted) === true;
  const isPatient = (): boolean => !isHurried() && core.clock.monotonicMs() < deadline;
  try {
    const slot = await queueForSlot(core, 'commit', {
      isPatient,
      ...(options.onWait === undefined ? {} : { onWait: options.onWait }),
    });
    await options.onTurn?.();
    if (slot === null) core.log.warn({}, 'all slots for commits are taken: one more commit goes on without');
    return slot;
  } catch (error) {
    core.log.warn({ error: String(error) }, 'no slot for a commit could be asked for: it goes on without');
    return null;
  }
}
