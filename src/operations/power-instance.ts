import { DarkroomError } from '../model/errors.ts';
import type { OperationResult } from '../model/operation.ts';
import type { DomainInfo, Hypervisor } from '../model/ports/hypervisor.ts';
import { type PowerAction, requirePowerState } from '../model/power-rules.ts';
import type { PowerRequest } from '../model/requests.ts';
import { findInstance } from './steps/find-instance.ts';
import { bringCopy, findMissingCopies } from './steps/launch/missing-copies.ts';
import { bringLayers, findMissingLayers, readDisks } from './steps/snapshot/volume/missing-layers.ts';
import type { Core, OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Preparation, UseCase } from './support/use-case.ts';

export interface PowerInput {
  readonly kind: PowerRequest['kind'];
  readonly instanceId: string;
}

interface PowerVerb {
  readonly action: PowerAction;
  readonly step: string;
  readonly apply: (hypervisor: Hypervisor, domain: DomainInfo) => Promise<void>;
}

const VERBS: Readonly<Record<PowerRequest['kind'], PowerVerb>> = {
  'instance.start': {
    action: 'start',
    step: 'starting',
    apply: (hypervisor, { uuid }) => hypervisor.startDomain(uuid),
  },
  'instance.pause': {
    action: 'pause',
    step: 'pausing',
    apply: (hypervisor, { uuid }) => hypervisor.suspendDomain(uuid),
  },
  'instance.resume': {
    action: 'resume',
    step: 'resuming',
    // libvirt restores saved memory when it starts a suspended domain
    apply: (hypervisor, { uuid, powerState }) =>
      powerState === 'suspended' ? hypervisor.startDomain(uuid) : hypervisor.resumeDomain(uuid),
  },
  'instance.suspend': {
    action: 'suspend',
    step: 'saving memory',
    apply: (hypervisor, { uuid }) => hypervisor.managedSaveDomain(uuid),
  },
};

/** One call of libvirt each, and for a start what disks stand on where it is gone; there is nothing to undo, and nothing to put right after a crash. */
export const powerInstance: UseCase<PowerRequest, PowerInput> = {
  async prepare(core: Core, request: PowerRequest): Promise<Preparation<PowerInput>> {
    const domain = await findInstance(core, request.instance);
    requireAllowed(request.kind, domain);
    return {
      target: domain.name,
      locks: { exclusive: [`instance:${domain.uuid}`], shared: [] },
      input: { kind: request.kind, instanceId: domain.uuid },
    };
  },

  async run(context: OperationContext, input: PowerInput, signal: AbortSignal): Promise<OperationResult> {
    const domain = await context.hypervisor.getDomain(input.instanceId);
    // whoever held the lock before may have changed it
    requireAllowed(input.kind, domain);
    throwIfCancelled(signal);
    const { step, apply } = VERBS[input.kind];
    if (domain.powerState === 'shutdown' || domain.powerState === 'suspended')
      await bringCopies(context, domain, signal);
    await context.operation.announce(step);
    await apply(context.hypervisor, domain);
    return { instanceId: domain.uuid };
  },
};

/** What its disks stand on may have been removed from this host; the store has it. */
async function bringCopies(context: OperationContext, domain: DomainInfo, signal: AbortSignal): Promise<void> {
  for (const missing of await findMissingCopies(context, domain.uuid)) {
    await context.operation.announce('fetch');
    await bringCopy(context, missing, { signal });
  }
  if (context.store.keepsFilesHere) return;
  for (const missing of await findMissingLayers(context, await readDisks(context, domain.uuid))) {
    await context.operation.announce('fetch');
    await bringLayers(context, missing, { signal });
  }
}

function requireAllowed(kind: PowerRequest['kind'], domain: DomainInfo): void {
  const { action } = VERBS[kind];
  requirePowerState(action, domain);
  if (action !== 'suspend' || domain.isPersistent) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `Cannot suspend the instance ${domain.name}: it is transient, so libvirt has nowhere to keep its memory. Pause it instead.`,
    { fields: { instanceId: domain.uuid } },
  );
}
