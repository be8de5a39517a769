import type { CapturePlan } from '../capture-plan.ts';
import type { Core } from '../support/context.ts';
import type { CommitOptions } from './commit-overlay.ts';
import { waitForDomainJobs } from './look-at-domain.ts';
import { returnToChain } from './return-to-chain.ts';
import { resumeGuest } from './snapshot-paused.ts';
import { thawUntilConfirmed } from './thaw-guest.ts';

const THAW_PATIENCE_MS = 60_000;

/**
 * The guest as it was before its capture: thawed, going on, on its old chain, without overlays. Keeps the plan's facts
 * up to date, so that what could not be done stays to be seen. Returns what a person should know.
 */
export async function settleGuest(core: Core, plan: CapturePlan, options: CommitOptions = {}): Promise<string[]> {
  await endHelpers(core, plan);
  if (plan.mayBePaused) {
    await waitForDomainJobs(core, plan);
    await resumeGuest(core, plan);
  }
  // a frozen guest waits for its thaw first: what comes after may take long
  if (plan.mayBeFrozen) await tryThaw(core, plan, { patienceMs: 0 });
  const notes: string[] = [];
  if (!plan.isChainRestored) {
    await waitForDomainJobs(core, plan);
    notes.push(...(await returnToChain(core, plan, options)));
    plan.isChainRestored = true;
  }
  if (plan.mayBeFrozen && !(await tryThaw(core, plan, { patienceMs: THAW_PATIENCE_MS }))) {
    notes.push(
      `The guest agent of ${plan.instanceName} never confirmed that its file systems are thawed. Look at the guest; ` +
        'Darkroom asks again at its next start.',
    );
  }
  return notes;
}

async function endHelpers(core: Core, plan: CapturePlan): Promise<void> {
  for (const helper of plan.helpers) await core.processes.kill(helper);
  plan.helpers = [];
}

async function tryThaw(core: Core, plan: CapturePlan, options: { readonly patienceMs: number }): Promise<boolean> {
  const thawed = await thawUntilConfirmed(core, plan.instanceId, options);
  if (thawed !== null) plan.mayBeFrozen = false;
  return thawed !== null;
}
