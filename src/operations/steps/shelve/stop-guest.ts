import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { DomainInfo } from '../../../model/ports/hypervisor.ts';
import type { Core, OperationContext } from '../../support/context.ts';
import { powerOff, shutDown } from '../power/shut-down.ts';

export interface StopOptions {
  readonly timeoutMs: number;
  readonly keepsMemory: boolean;
  readonly signal: AbortSignal;
}

/** Whether the guest shut itself down, or its plug was pulled; null when it did neither. */
export type Ending = 'clean' | 'forced' | null;

/** The guest is off: in an orderly way where it can, its memory saved where that is wished; a paused one hears nobody. */
export async function stopGuest(context: OperationContext, domain: DomainInfo, options: StopOptions): Promise<Ending> {
  const isLive = domain.powerState === 'running' || domain.powerState === 'paused';
  if (!isLive) return null;
  if (options.keepsMemory) {
    await context.hypervisor.managedSaveDomain(domain.uuid);
    return null;
  }
  if (domain.powerState === 'running' && (await hasShutDown(context, domain, options))) return 'clean';
  await powerOff(context, domain.uuid);
  return 'forced';
}

async function hasShutDown(context: OperationContext, domain: DomainInfo, options: StopOptions): Promise<boolean> {
  try {
    await shutDown(context, domain, options);
    return true;
  } catch (error) {
    if (!hasCode(error, 'SHUTDOWN_TIMEOUT', 'LIBVIRT_FAILED')) throw error;
    context.operation.warn(`The plug of ${domain.name} was pulled: ${error.message}`);
    return false;
  }
}

/** INSTANCE_UNSUPPORTED where the memory of a guest cannot be taken along. */
export async function requireMemoryFile(core: Core, domain: DomainInfo): Promise<void> {
  const file = core.hypervisor.managedSavePath(domain.name);
  const isThere = file !== null && (!domain.hasManagedSave || (await core.files.stat(file))?.kind === 'file');
  if (isThere) return;
  throw new DarkroomError(
    'INSTANCE_UNSUPPORTED',
    `The saved memory of ${domain.name} cannot be taken along: where ${core.hypervisor.uri} keeps it is not known here. ` +
      'Start the instance, and shelve it without its memory.',
    { fields: { instanceId: domain.uuid } },
  );
}
