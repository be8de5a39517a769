import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { ShelvablePowerState } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** Runs again where it ran. Saved memory is taken up again by libvirt itself. */
export async function restorePower(core: Core, uuid: string, before: ShelvablePowerState): Promise<void> {
  const domain = await core.hypervisor.getDomain(uuid);
  if (!isStopped(domain) || before === 'shutdown' || (before === 'suspended' && domain.hasManagedSave)) return;
  await core.hypervisor.startDomain(uuid, { isPaused: before === 'paused' });
}

/** With its memory saved or without. */
export function isStopped({ powerState }: DomainInfo): boolean {
  return powerState === 'shutdown' || powerState === 'suspended';
}
