import type { AchievedConsistency } from '../../../model/consistency.ts';
import { hasCode } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';
import { outlastLibvirtRestart } from '../../support/patience.ts';
import type { CaptureWork, GuestPlan, PointInTime } from './capture-work.ts';

/** Stops the vCPUs, takes the snapshot, lets them go on. */
export async function snapshotPaused(work: CaptureWork, reason: string | null): Promise<PointInTime> {
  const { context, plan, requested } = work;
  plan.mayBePaused = true;
  await context.operation.enter('pausing', plan);
  const started = context.clock.monotonicMs();
  try {
    await context.hypervisor.suspendDomain(plan.instanceId);
    await work.takeInstant();
    await resumeGuest(context, plan);
    const pauseMs = Math.round((context.clock.monotonicMs() - started) * 10) / 10;
    const why = reason === null ? {} : { reason };
    return { consistency: { requested, achieved: 'paused', freezeMs: 0, pauseMs, ...why } };
  } finally {
    if (plan.mayBePaused) await resumeGuest(context, plan);
  }
}

/** Lets a guest that we paused go on; one that is off or runs already needs nothing. */
export async function resumeGuest(core: Core, plan: GuestPlan): Promise<void> {
  await outlastLibvirtRestart(core, async () => {
    try {
      const { powerState } = await core.hypervisor.getDomain(plan.instanceId);
      if (powerState === 'paused') await core.hypervisor.resumeDomain(plan.instanceId);
    } catch (error) {
      if (!hasCode(error, 'INSTANCE_NOT_FOUND')) throw error;
    }
  });
  plan.mayBePaused = false;
}

/** The snapshot alone: the guest runs on, or is paused by somebody else already. */
export async function snapshotAsIs(work: CaptureWork, achieved: AchievedConsistency): Promise<PointInTime> {
  await work.takeInstant();
  return { consistency: { requested: work.requested, achieved, freezeMs: 0, pauseMs: 0 } };
}
