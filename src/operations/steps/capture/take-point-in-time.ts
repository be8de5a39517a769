import type { RequestedConsistency } from '../../../model/consistency.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { AgentState } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import type { CaptureWork, PointInTime } from './capture-work.ts';
import type { Inspection } from './inspect-instance.ts';
import { snapshotAsIs, snapshotPaused } from './snapshot-paused.ts';
import { snapshotQuiesced } from './snapshot-quiesced.ts';

/**
 * Whether the wished consistency can be had, decided before the guest is touched. QUIESCE_UNAVAILABLE when it must be
 * quiesced and cannot; INSTANCE_FROZEN when somebody else froze it already.
 */
export async function probeConsistency(
  core: Core,
  inspection: Pick<Inspection, 'domain' | 'powerState'>,
  requested: RequestedConsistency,
): Promise<AgentState> {
  const { domain, powerState } = inspection;
  if (powerState !== 'running') {
    if (requested === 'quiesced') throw unavailable(inspection, `it is ${powerState}, so its agent cannot answer`);
    return 'absent';
  }
  const agent = await core.hypervisor.probeAgent(domain.uuid, { timeoutMs: core.settings.agentProbeTimeoutMs });
  if (agent === 'frozen') throw frozenByOthers(inspection);
  if (requested === 'quiesced' && agent !== 'answering') throw unavailable(inspection, `its guest agent is ${agent}`);
  return agent;
}

function frozenByOthers({ domain }: Pick<Inspection, 'domain'>): DarkroomError {
  return new DarkroomError(
    'INSTANCE_FROZEN',
    `The file systems of ${domain.name} are frozen by somebody else. Wait for them, or thaw: virsh domfsthaw ${domain.name}`,
    { fields: { instanceId: domain.uuid } },
  );
}

function unavailable({ domain }: Pick<Inspection, 'domain'>, why: string): DarkroomError {
  return new DarkroomError(
    'QUIESCE_UNAVAILABLE',
    `The instance ${domain.name} cannot be quiesced: ${why}. ` +
      'Install and start qemu-guest-agent in the guest, or ask for --consistency auto, paused or crash.',
    { fields: { instanceId: domain.uuid } },
  );
}

/** One instant. The guest is thawed and goes on when this returns or throws. */
export async function takePointInTime(work: CaptureWork, agent: AgentState): Promise<PointInTime> {
  const { context, plan, inspection, requested } = work;
  if (inspection.powerState === 'paused') {
    await context.operation.enter('snapshot', plan);
    return await snapshotAsIs(work, 'paused');
  }
  if (requested === 'crash') {
    await context.operation.enter('snapshot', plan);
    return await snapshotAsIs(work, 'crash');
  }
  if (requested === 'paused') return await snapshotPaused(work, null);
  if (agent !== 'answering') return await fallBackToPause(work, `the guest agent is ${agent}`);
  plan.mayBeFrozen = true;
  await context.operation.enter('freezing', plan);
  const outcome = await snapshotQuiesced(work);
  if (!('refusal' in outcome)) return outcome;
  if (requested === 'quiesced') throw outcome.refusal;
  return await fallBackToPause(work, outcome.refusal.message);
}

async function fallBackToPause(work: CaptureWork, reason: string): Promise<PointInTime> {
  work.context.operation.warn(`Paused instead of quiesced: ${reason}.`);
  return await snapshotPaused(work, reason);
}
