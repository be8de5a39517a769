import type { Logger } from '../../lib/logger.ts';
import type { ServiceManager } from '../../model/ports/service-manager.ts';
import type { Application } from '../../operations/application.ts';
import { withExtendedTimeout } from './extend-timeout.ts';
import type { LibvirtCheck } from './libvirt-check.ts';

export interface RecoverParts {
  readonly application: Pick<Application, 'recover'>;
  readonly libvirt: LibvirtCheck;
  readonly service: ServiceManager;
  readonly log: Logger;
}

/** How long a libvirt that says nothing is waited for. */
const LIBVIRT_LIMIT_MS = 10_000;

/**
 * Puts right what dead processes left behind before anybody is served. It may take as long as it takes to merge an
 * overlay back, and the service manager is asked for that time. Where libvirt is not there, or hangs, the agent starts
 * all the same: recovery is tried again later, by housekeeping.
 */
export async function recoverFirst(
  { application, libvirt, service, log }: RecoverParts,
  { libvirtLimitMs = LIBVIRT_LIMIT_MS } = {},
): Promise<void> {
  service.status('Starting: putting right what an earlier process left unfinished');
  const recovery = application.recover().then(
    () => null,
    (error: unknown) => String(error),
  );
  const failure = await withExtendedTimeout(service, () =>
    Promise.race([recovery, whenSilent(libvirt, libvirtLimitMs)]),
  );
  if (failure !== null) log.error({ error: failure }, 'what was left unfinished is not yet put right');
}

/** Resolves when libvirt hangs, and else never. */
async function whenSilent(libvirt: LibvirtCheck, limitMs: number): Promise<string> {
  const { kind, error } = await libvirt.ask(limitMs);
  if (kind === 'silent' && error !== null) return error;
  return await new Promise<never>(() => undefined);
}
