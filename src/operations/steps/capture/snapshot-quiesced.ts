import type { Consistency } from '../../../model/consistency.ts';
import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { CaptureWork, PointInTime } from './capture-work.ts';
import { thawUntilConfirmed } from './thaw-guest.ts';

/** How long the guest's thaw is waited for before the capture goes on; after that it is asked for again at the end. */
const THAW_PATIENCE_MS = 10_000;

type Outcome = PointInTime | { readonly refusal: DarkroomError };

/**
 * Freezes the guest's file systems, takes the snapshot, thaws. A freeze that fails is a `refusal` with nothing
 * snapshotted; a guest that somebody else froze (INSTANCE_FROZEN) is thrown, and never thawed by us.
 */
export async function snapshotQuiesced(work: CaptureWork): Promise<Outcome> {
  const { context, plan } = work;
  const started = context.clock.monotonicMs();
  let frozen: number;
  try {
    frozen = await context.hypervisor.freezeFileSystems(plan.instanceId, {
      timeoutMs: context.settings.freezeTimeoutMs,
    });
  } catch (error) {
    // somebody else's freeze is theirs to end
    if (hasCode(error, 'INSTANCE_FROZEN')) plan.mayBeFrozen = false;
    if (hasCode(error, 'INSTANCE_FROZEN', 'LIBVIRT_UNREACHABLE', 'INSTANCE_NOT_FOUND')) throw error;
    return await refuse(work, error);
  }
  return await snapshotFrozen(work, { started, frozen });
}

async function snapshotFrozen(work: CaptureWork, freeze: { started: number; frozen: number }): Promise<Outcome> {
  const { context } = work;
  const thaw = startThawTimer(work, freeze.started);
  context.operation.addTiming('freezeCallMs', context.clock.monotonicMs() - freeze.started);
  try {
    await work.takeInstant();
    const takenAt = context.clock.monotonicMs();
    const thawed = await thaw.now();
    const endedAt = context.clock.monotonicMs();
    context.operation.addTiming('thawCallMs', endedAt - takenAt);
    return { consistency: judge(work, { ...freeze, thawed, freezeMs: endedAt - freeze.started }) };
  } finally {
    await thaw.now();
  }
}

/** Thaws when asked, or by itself when the window ends: a snapshot call that blocks must not keep the guest frozen. */
function startThawTimer(work: CaptureWork, startedMs: number): { now(): Promise<number | null> } {
  const { context, plan } = work;
  let thawing: Promise<number | null> | null = null;
  const now = (): Promise<number | null> => {
    clearTimeout(timer);
    thawing ??= thawAndNote(work);
    return thawing;
  };
  const leftMs = Math.max(0, context.settings.freezeWindowMs - (context.clock.monotonicMs() - startedMs));
  const timer = setTimeout(() => {
    context.log.warn({ instanceId: plan.instanceId }, 'the freeze window is over before the snapshot is');
    now().catch((error: unknown) =>
      context.log.error({ error: String(error) }, 'the thaw at the end of the window failed'),
    );
  }, leftMs);
  return { now };
}

async function thawAndNote(work: CaptureWork): Promise<number | null> {
  const { context, plan } = work;
  const thawed = await thawUntilConfirmed(context, plan.instanceId, { patienceMs: THAW_PATIENCE_MS });
  if (thawed !== null) plan.mayBeFrozen = false;
  return thawed;
}

/** Even a freeze that failed may have frozen something, or may still do so. */
async function refuse(work: CaptureWork, cause: unknown): Promise<Outcome> {
  await thawAndNote(work);
  const seen = cause instanceof Error ? cause.message : String(cause);
  return {
    refusal: new DarkroomError(
      'FREEZE_FAILED',
      `The guest ${work.plan.instanceName} did not freeze its file systems: ${seen}`,
      {
        fields: { instanceId: work.plan.instanceId },
        cause,
      },
    ),
  };
}

function judge(work: CaptureWork, seen: { frozen: number; thawed: number | null; freezeMs: number }): Consistency {
  const base = { requested: work.requested, freezeMs: round(seen.freezeMs), pauseMs: 0 };
  const isLate = seen.freezeMs > work.context.settings.freezeWindowMs;
  if (seen.thawed !== null && seen.thawed >= seen.frozen && !isLate) return { ...base, achieved: 'quiesced' };
  const reason = isLate
    ? `the freeze lasted ${Math.round(seen.freezeMs)} ms, longer than its window`
    : `${seen.frozen} file systems were frozen and ${seen.thawed ?? 0} of them thawed`;
  work.context.operation.warn(`Only crash-consistent: ${reason}.`);
  return { ...base, achieved: 'crash', reason };
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
