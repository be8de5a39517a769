import { DarkroomError, hasCode } from '../model/errors.ts';
import type { JournalledOperation, OperationResult } from '../model/operation.ts';
import type { DomainInfo } from '../model/ports/hypervisor.ts';
import { type PowerAction, requirePowerState } from '../model/power-rules.ts';
import type { StopInstanceRequest } from '../model/requests.ts';
import { type RebootPlan, rebootPlanSchema } from './reboot-plan.ts';
import { findInstance } from './steps/find-instance.ts';
import { rebootGuest } from './steps/power/reboot-guest.ts';
import { isOff, powerOff, shutDown } from './steps/power/shut-down.ts';
import type { Core, OperationContext } from './support/context.ts';
import { throwIfCancelled } from './support/patience.ts';
import type { Preparation, UseCase } from './support/use-case.ts';

export interface StopInput extends Pick<StopInstanceRequest, 'kind' | 'isForced' | 'timeoutMs'> {
  readonly instanceId: string;
}

/** Ends an instance, or restarts it: by asking the guest, or by pulling the plug. */
export const stopInstance: UseCase<StopInstanceRequest, StopInput> = {
  async prepare(core: Core, request: StopInstanceRequest): Promise<Preparation<StopInput>> {
    const domain = await findInstance(core, request.instance);
    const { kind, isForced, timeoutMs } = request;
    const input = { kind, isForced, timeoutMs, instanceId: domain.uuid };
    requireAllowed(input, domain);
    return { target: domain.name, locks: { exclusive: [`instance:${domain.uuid}`], shared: [] }, input };
  },

  async run(context: OperationContext, input: StopInput, signal: AbortSignal): Promise<OperationResult> {
    const domain = await context.hypervisor.getDomain(input.instanceId);
    // whoever held the lock before may have changed it
    requireAllowed(input, domain);
    throwIfCancelled(signal);
    const patience = { timeoutMs: input.timeoutMs, signal };
    switch (actionOf(input)) {
      case 'stop':
        await context.operation.announce('shutting down');
        await shutDown(context, domain, patience);
        break;
      case 'stop by force':
        await context.operation.announce('powering off');
        await powerOff(context, domain.uuid);
        break;
      case 'reboot':
        await context.operation.announce('rebooting');
        await rebootGuest(context, domain, patience);
        break;
      default:
        await restart(context, domain);
    }
    return { instanceId: domain.uuid };
  },
};

/** Starts what a forced reboot had stopped when its process died. */
export async function recoverRebootInstance(core: Core, unfinished: JournalledOperation): Promise<readonly string[]> {
  const { instanceId } = rebootPlanSchema.parse(unfinished.plan);
  try {
    const { powerState } = await core.hypervisor.getDomain(instanceId);
    if (powerState !== 'shutdown') return [];
    await core.hypervisor.startDomain(instanceId);
    return ['The instance had been powered off for its reboot and was started again.'];
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return [];
    throw error;
  }
}

type StopAction = Extract<PowerAction, 'stop' | 'stop by force' | 'reboot' | 'reboot by force'>;

function actionOf({ kind, isForced }: Pick<StopInput, 'kind' | 'isForced'>): StopAction {
  if (kind === 'instance.stop') return isForced ? 'stop by force' : 'stop';
  return isForced ? 'reboot by force' : 'reboot';
}

function requireAllowed(input: StopInput, domain: DomainInfo): void {
  const action = actionOf(input);
  requirePowerState(action, domain);
  if (action !== 'reboot by force' || domain.isPersistent) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `Cannot reboot the instance ${domain.name} by force: it is transient and would be gone. Reboot it without --force.`,
    { fields: { instanceId: domain.uuid } },
  );
}

/** Once it is off it is started again, whatever is asked meanwhile. */
async function restart(context: OperationContext, domain: DomainInfo): Promise<void> {
  const plan: RebootPlan = { version: 1, instanceId: domain.uuid };
  await context.operation.enter('powering off', plan);
  try {
    await powerOff(context, domain.uuid);
    await context.operation.enter('starting', plan);
    await context.hypervisor.startDomain(domain.uuid);
  } catch (error) {
    // without libvirt nobody knows what happened: recovery starts it
    if (hasCode(error, 'LIBVIRT_UNREACHABLE')) throw error;
    await context.operation.settle('failed');
    throw await describeFailedRestart(context, { domain, error });
  }
  await context.operation.settle('started');
}

async function describeFailedRestart(
  context: OperationContext,
  { domain, error }: { readonly domain: DomainInfo; readonly error: unknown },
): Promise<unknown> {
  if (!(error instanceof DarkroomError) || !(await isOff(context, domain.uuid))) return error;
  return new DarkroomError(error.code, `The instance ${domain.name} is off and did not start again: ${error.message}`, {
    fields: error.fields,
    cause: error,
  });
}
