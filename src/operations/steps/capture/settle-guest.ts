import type { CapturePlan } from '../../capture-plan.ts';
import type { Core } from '../../support/context.ts';
import type { CommitOptions } from './commit-overlay.ts';
import { type TurnOptions, waitForCommitTurn } from './commit-turn.ts';
import { findDomain, isLive, waitForDomainJobs } from './look-at-domain.ts';
import { returnToChain } from './return-to-chain.ts';
import { resumeGuest } from './snapshot-paused.ts';
import { thawUntilConfirmed } from './thaw-guest.ts';

const THAW_PATIENCE_MS = 60_000;

export interface SettleOptions extends CommitOptions {
  /** When its overlays may be committed while others do the same. Without: soon. */
  readonly turn?: TurnOptions;
}

/**
 * The guest as it was before its capture: thawed, going on, on its old chain, without overlays. Keeps the plan's facts
 * up to date, so that what could not be done stays to be seen. Returns what a person should know.
 */
export async function settleGuest(core: Core, plan: CapturePlan, options: SettleOptions = {}): Promise<string[]> {
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
    notes.push(...(await returnInTurn(core, plan, options)));
    plan.isChainRestored = true;
    notes.push(...(await resumeStalledGuest(core, plan)));
  }
  if (plan.mayBeFrozen && !(await tryThaw(core, plan, { patienceMs: THAW_PATIENCE_MS }))) {
    notes.push(
      `The guest agent of ${plan.instanceName} never confirmed that its file systems are thawed. Look at the guest; ` +
        'Darkroom asks again at its next start.',
    );
  }
  return notes;
}

async function returnInTurn(core: Core, plan: CapturePlan, options: SettleOptions): Promise<string[]> {
  const hasOverlays = plan.disks.some(({ overlayPath }) => overlayPath !== null);
  await using _slot = hasOverlays ? await waitForCommitTurn(core, options.turn) : null;
  const notes: string[] = [];
  const returned = await returnToChain(core, plan, { ...options, onNote: (note) => notes.push(note) });
  return [...notes, ...returned];
}

/** An overlay whose file system ran full stops the guest in the middle of a write; on its own disk it can go on. */
async function resumeStalledGuest(core: Core, plan: CapturePlan): Promise<string[]> {
  if (plan.powerState !== 'running' || !isLive(await findDomain(core, plan))) return [];
  if (!(await core.hypervisor.isStoppedByIoError(plan.instanceId))) return [];
  await resumeGuest(core, plan);
  return [
    `${plan.instanceName} was stopped by a write that failed while it was captured; it goes on upon its own disks.`,
  ];
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
