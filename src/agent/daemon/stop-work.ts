import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { ServiceManager } from '../../model/ports/service-manager.ts';
import type { Application } from '../../operations/application.ts';
import { withExtendedTimeout } from './extend-timeout.ts';
import type { WorkGate } from './work-gate.ts';

export interface StopParts {
  readonly application: Pick<Application, 'runningIds' | 'cancelAll' | 'drain'>;
  readonly service: ServiceManager;
  readonly settings: Pick<Settings, 'stopTimeoutMs'>;
  readonly gate: WorkGate;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A timer of Node's takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Takes on nothing new, waits for what runs, and has it undone when that takes too long or `hurry` aborts. However long
 * the undoing takes, it is waited for: to exit before it is done would leave a guest frozen or on an overlay. Whoever
 * kills us in it finds a journal that the next start recovers from.
 */
export async function stopWork(parts: StopParts, hurry: AbortSignal): Promise<void> {
  const { application, service, gate, log, settings } = parts;
  gate.close();
  const running = application.runningIds;
  service.stopping(`Stopping: waiting for ${count(running)}`);
  log.info({ operations: running, timeoutMs: settings.stopTimeoutMs }, 'stopping');
  await withExtendedTimeout(service, async () => {
    await waitForWork(parts, hurry);
    await undoWork(parts);
  });
}

/** Nothing where nothing runs. */
export async function undoWork({ application, service, log }: StopParts): Promise<void> {
  const running = application.runningIds;
  if (running.length === 0) return;
  log.warn({ operations: running }, 'cancelling what still runs');
  service.status(`Stopping: undoing ${count(running)}`);
  await application.cancelAll();
}

async function waitForWork({ application, clock, settings }: StopParts, hurry: AbortSignal): Promise<void> {
  const ended = new AbortController();
  const limitMs = Math.min(settings.stopTimeoutMs, MAX_TIMER_MS);
  const patience = clock.sleep(limitMs, AbortSignal.any([hurry, ended.signal])).catch(() => undefined);
  await Promise.race([drain(application), patience]);
  ended.abort();
}

/** What was asked for just before the gate was closed may begin while the others end. */
async function drain(application: StopParts['application']): Promise<void> {
  while (application.runningIds.length > 0) await application.drain();
}

function count({ length }: readonly string[]): string {
  return `${length} ${length === 1 ? 'operation' : 'operations'}`;
}
