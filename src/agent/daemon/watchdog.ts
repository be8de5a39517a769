import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { ServiceManager } from '../../model/ports/service-manager.ts';
import type { LibvirtCheck, LibvirtState } from './libvirt-check.ts';

export interface WatchdogParts {
  readonly service: ServiceManager;
  readonly libvirt: LibvirtCheck;
  readonly clock: Clock;
  readonly log: Logger;
  /** The status line of better days. */
  readonly describe: () => string;
}

/** Between two signs of life lie at most a pause and a question, each a third of what is allowed: the last third is slack. */
const PARTS = 3;

/**
 * Tells the service manager that we live, as long as libvirt answers us. Withheld, so that we are killed and started
 * anew, when a call to libvirt hangs (its connection, or the thread in it, is beyond help from here, and a new process
 * has new ones), and when our own event loop is stuck, which keeps this loop from running. A libvirt that is DOWN is
 * neither: a question is then refused at once. Restarting us would not bring it back, but would kill the copies that
 * run, which need no libvirt; so we say that we live, and what is wrong stands in the status line.
 */
export async function keepAlive(parts: WatchdogParts, signal: AbortSignal): Promise<void> {
  const { service, libvirt, clock } = parts;
  if (service.watchdogMs === null) return;
  const thirdMs = service.watchdogMs / PARTS;
  let before: LibvirtState['kind'] = 'answers';
  while (!signal.aborted) {
    const state = await libvirt.ask(thirdMs);
    if (state.kind !== 'silent') service.alive();
    if (state.kind !== before && !signal.aborted) tellOfChange(parts, state);
    before = state.kind;
    await clock.sleep(thirdMs, signal).catch(() => undefined);
  }
}

function tellOfChange({ service, log, describe }: WatchdogParts, { kind, error }: LibvirtState): void {
  if (kind === 'answers') {
    log.info({}, 'libvirt answers again');
    service.status(describe());
    return;
  }
  log.error(
    { error },
    kind === 'silent' ? 'libvirt hangs: no sign of life to the watchdog' : 'libvirt is not reachable',
  );
  service.status(`libvirt: ${error ?? 'no answer'}`);
}
