import type { Logger } from '../../lib/logger.ts';
import type { OperationKind } from '../../model/operation.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application } from '../../operations/application.ts';
import { guardTask, type Task } from '../background/guard-task.ts';
import { startLoop } from '../background/loop.ts';
import type { LibvirtCheck } from '../daemon/libvirt-check.ts';
import type { HostMetrics } from './host-metrics.ts';

const PULSE_MS = 1000;
const PING_MS = 15_000;
const PING_LIMIT_MS = 5000;
const SURVEY_MS = 60_000;
/** After something happened the next look comes at once, but not as often as things may happen. */
const SURVEY_REST_MS = 2000;
/** A store that takes long to look at is looked at less often: a hundredth of the time, a tenth while images come and go. */
const STORE_IDLE_SHARE = 100;
const STORE_BUSY_SHARE = 10;

/** After which of them the store holds something else. */
const CHANGE_STORE: readonly OperationKind[] = [
  'image.create',
  'backup.create',
  'image.import',
  'image.verify',
  'image.copy',
  'image.pull',
  'image.delete',
  'image.from-snapshot',
  'snapshot.create',
  'snapshot.delete',
  'snapshot.import',
  'snapshot.consolidate',
  'instance.shelve',
  'instance.offload',
  'instance.unshelve',
  'instance.delete',
];

export interface LookParts {
  readonly host: HostMetrics;
  readonly libvirt: Pick<LibvirtCheck, 'ask'>;
  /** Looks at what is cheap, many times. */
  readonly pulse: Task;
  readonly log: Logger;
  readonly clock: Clock;
}

/** What is looked at in the background, so that a scrape need not. */
export interface Looks {
  /** An operation of that kind has ended. */
  onEnd(kind: OperationKind): void;
  stop(): Promise<void>;
}

export function startLooks(
  application: Pick<Application, 'survey' | 'subscribe'>,
  { host, libvirt, pulse, log, clock }: LookParts,
): Looks {
  const every = (intervalMs: number, work: Task) => ({ clock, intervalMs: () => intervalMs, work });
  const ping = startLoop(every(PING_MS, () => askLibvirt(libvirt, host)));
  const instances = startLoop({
    ...every(
      SURVEY_MS,
      guardTask(log, 'survey of instances', () => surveyInstances(application, host)),
    ),
    restMs: () => SURVEY_REST_MS,
  });
  const store = startStoreLook(application, { host, log, clock });
  const loops = [startLoop(every(PULSE_MS, pulse)), ping, instances, store];
  const unsubscribe = application.subscribe((event) => {
    if (event.kind === 'connection') ping.wake();
    if (event.kind === 'connection' || event.kind === 'lifecycle') instances.wake();
  });
  return {
    onEnd: (kind) => {
      if (kind.startsWith('instance.')) instances.wake();
      if (CHANGE_STORE.includes(kind)) store.wake();
    },
    stop: async () => {
      unsubscribe();
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

async function askLibvirt(libvirt: LookParts['libvirt'], host: HostMetrics): Promise<void> {
  host.showLibvirt((await libvirt.ask(PING_LIMIT_MS)).kind === 'answers');
}

async function surveyInstances(application: Pick<Application, 'survey'>, host: HostMetrics): Promise<void> {
  host.showInstances(await application.survey.instances());
}

function startStoreLook(
  application: Pick<Application, 'survey'>,
  { host, log, clock }: Omit<LookParts, 'pulse' | 'libvirt'>,
): ReturnType<typeof startLoop> {
  let tookMs = 0;
  const look = guardTask(log, 'survey of the store', async () => {
    const startedMs = clock.monotonicMs();
    try {
      const [space, images] = await Promise.all([application.survey.storeSpace(), application.survey.images()]);
      host.showStore({ space, images });
    } catch (error) {
      host.showStore(null);
      throw error;
    } finally {
      tookMs = clock.monotonicMs() - startedMs;
    }
  });
  return startLoop({
    clock,
    work: look,
    intervalMs: () => Math.max(SURVEY_MS, tookMs * STORE_IDLE_SHARE),
    restMs: () => Math.max(SURVEY_REST_MS, tookMs * STORE_BUSY_SHARE),
  });
}
