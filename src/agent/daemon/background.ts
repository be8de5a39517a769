import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import { type HousekeepingParts, type KeptApplication, startHousekeeping } from '../housekeeping/start-housekeeping.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { LibvirtCheck } from './libvirt-check.ts';

export interface BackgroundParts {
  readonly application: KeptApplication;
  readonly metrics: Pick<Metrics, 'start' | 'stop' | 'schedules'>;
  readonly libvirt: Pick<LibvirtCheck, 'ask'>;
  readonly settings: HousekeepingParts['settings'];
  readonly log: Logger;
  readonly clock: Clock;
}

const LIBVIRT_LIMIT_MS = 5000;
const ASK_AGAIN_MS = 1000;

/** All that a daemon does without being asked. */
export function startBackground(parts: BackgroundParts): { stop(): Promise<void> } {
  const { application, metrics, settings, log, clock } = parts;
  metrics.start();
  const housekeeping = startHousekeeping(application, { settings, metrics: metrics.schedules, log, clock });
  return {
    // a recovery that goes on is waited for, as what it puts right is; a call to a libvirt that hangs would never end
    stop: async () => {
      const ended = new AbortController();
      const stopped = Promise.all([housekeeping.stop(), metrics.stop()]).finally(() => ended.abort());
      await Promise.race([stopped, whenSilent(parts, ended.signal)]);
    },
  };
}

/** Resolves when libvirt hangs, or nobody wants to know any more. */
async function whenSilent({ libvirt, clock, log }: BackgroundParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await libvirt.ask(LIBVIRT_LIMIT_MS)).kind === 'silent') {
      log.warn({}, 'libvirt hangs: what waits for it in the background is left behind');
      return;
    }
    await clock.sleep(ASK_AGAIN_MS, signal).catch(() => undefined);
  }
}
