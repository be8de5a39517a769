import { setTimeout as sleep } from 'node:timers/promises';
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
/** How long people wait for an agent that could tell them what it is doing. */
const PATIENCE_MS = 60_000;

/**
 * Puts right what dead processes left behind before anybody is served; the service manager is asked for that time. What
 * takes longer, such as merging a large overlay back, goes on beside the requests: what it works on is locked, and new
 * work waits for it. Where libvirt is not there, or hangs, recovery is tried again later, by housekeeping.
 */
export async function recoverFirst(
  { application, libvirt, service, log }: RecoverParts,
  { libvirtLimitMs = LIBVIRT_LIMIT_MS, patienceMs = PATIENCE_MS } = {},
): Promise<void> {
  service.status('Starting: putting right what an earlier process left unfinished');
  const recovery = application.recover().then(
    () => null,
    (error: unknown) => String(error),
  );
  const failure = await withExtendedTimeout(service, () =>
    Promise.race([
      recovery,
      whenSilent(libvirt, libvirtLimitMs),
      sleep(patienceMs, `it takes longer than ${patienceMs / 1000} s and goes on`, { ref: false }),
    ]),
  );
  if (failure !== null) log.error({ error: failure }, 'what was left unfinished is not yet put right');
}

/** Resolves when libvirt hangs, and else never. */
async function whenSilent(libvirt: LibvirtCheck, limitMs: number): Promise<string> {
  const { kind, error } = await libvirt.ask(limitMs);
  if (kind === 'silent' && error !== null) return error;
  return await new Promise<never>(() => undefined);
}
