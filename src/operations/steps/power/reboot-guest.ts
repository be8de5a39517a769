import type { DomainInfo, HypervisorEvent } from '../../../model/ports/hypervisor.ts';
import type { Core } from '../../support/context.ts';
import { askGuest } from './ask-guest.ts';
import type { PatienceOptions } from './shut-down.ts';

/** Asks the guest to reboot and waits until it has begun to. SHUTDOWN_TIMEOUT leaves it running. */
export async function rebootGuest(core: Core, domain: DomainInfo, options: PatienceOptions): Promise<void> {
  let hasBegun = false;
  const unsubscribe = core.hypervisor.subscribe((event) => {
    if (tellsOfReboot(event, domain.uuid)) hasBegun = true;
  });
  try {
    await askGuest(core, {
      ...options,
      what: 'reboot',
      instanceName: domain.name,
      ask: () => core.hypervisor.rebootDomain(domain.uuid),
      isDone: async () => hasBegun,
    });
  } finally {
    unsubscribe();
  }
}

/** Its QEMU lives on, so the domain's state never shows it: by ACPI it stops and goes on, and the agent always goes away. */
function tellsOfReboot(event: HypervisorEvent, uuid: string): boolean {
  if (event.kind === 'lifecycle') return event.uuid === uuid;
  return event.kind === 'agent' && event.uuid === uuid && !event.isConnected;
}
