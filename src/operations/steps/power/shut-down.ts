import { hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import { askGuest } from './ask-guest.ts';

export interface PatienceOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Asks the guest to shut down and waits until it is off. SHUTDOWN_TIMEOUT leaves it running; CANCELLED too, unless it goes all the same. */
export async function shutDown(core: Core, domain: DomainInfo, options: PatienceOptions): Promise<void> {
  await askGuest(core, {
    ...options,
    what: 'shut down',
    instanceName: domain.name,
    ask: () => core.hypervisor.shutdownDomain(domain.uuid),
    isDone: () => isOff(core, domain.uuid),
  });
}

/** Pulls the plug; nothing to do where it is off. */
export async function powerOff(core: Core, uuid: string): Promise<void> {
  if (await isOff(core, uuid)) return;
  try {
    await core.hypervisor.destroyDomain(uuid);
  } catch (error) {
    // it may have gone by itself
    if (!(await isOff(core, uuid))) throw error;
  }
}

/** A transient domain is gone altogether when it is off. */
export async function isOff(core: Core, uuid: string): Promise<boolean> {
  try {
    const { powerState } = await core.hypervisor.getDomain(uuid);
    return powerState === 'shutdown' || powerState === 'suspended';
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return true;
    throw error;
  }
}
