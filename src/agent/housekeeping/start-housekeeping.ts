import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import { guardTask, type Task } from '../background/guard-task.ts';
import { type Loop, startLoop } from '../background/loop.ts';
import type { ScheduleMetrics } from '../metrics/schedule-metrics.ts';
import { createOutbox } from '../scheduler/outbox.ts';
import { createScheduler, type TurnLimits } from '../scheduler/scheduler.ts';
import { createConsolidateTask } from './consolidate-due.ts';
import { createChecksumTask } from './fill-checksums.ts';
import { createOffloadTask } from './offload-due.ts';
import { createPurgeTask } from './purge-recycled.ts';

/** What housekeeping needs of a host. */
export type KeptApplication = Pick<
  Application,
  'recover' | 'dueOffloads' | 'dueConsolidations' | 'purgeExpired' | 'subscribe' | 'feed' | 'as' | 'scheduling'
>;

export interface HousekeepingParts {
  readonly settings: Pick<Settings, 'housekeepingIntervalMs' | 'maxConcurrentBackups' | 'hostName'>;
  readonly metrics: ScheduleMetrics;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Housekeeping {
  /** Nothing is begun any more; resolves when what goes on has ended. Operations that were begun go on. */
  stop(): Promise<void>;
}

/** Somebody may ask for a run of a schedule at any time, from another process. */
const SCHEDULES_IDLE_MS = 5000;
const SCHEDULES_ACTIVE_MS = 2000;
/** Looking for what is due reads the records of all snapshots. */
const CONSOLIDATE_MS = 600_000;

/** Whose the operations are that nobody asked for. */
const KEEPER = { name: 'agent', role: 'admin', isTrustedWithPaths: false } as const;

/**
 * Looks again and again for what is due: operations that nobody put right yet, shelved instances whose time on this host is
 * over, images without a checksum, deleted ones that nobody wanted back, long chains of snapshots, backups that schedules ask for. Each task takes its
 * own turns, so that one that hangs or fails holds up no other.
 */
export function startHousekeeping(application: KeptApplication, parts: HousekeepingParts): Housekeeping {
  const { settings, metrics, log, clock } = parts;
  const keeper: CallerApplication = application.as(KEEPER);
  const usualMs = (): number => settings.housekeepingIntervalMs;
  const begin = (name: string, task: Task, intervalMs = usualMs): Loop =>
    startLoop({ clock, work: guardTask(log, name, task), intervalMs });

  const { notifier } = application.scheduling;
  const outbox = createOutbox({ notifier, log, wake: () => notifications.wake() });
  const notifications: Loop = begin('notifications', outbox.task);
  const scheduler = createScheduler({ application, settings, metrics, tell: outbox.push, log, clock });
  const loops: readonly Loop[] = [
    begin('recovery', () => application.recover()),
    begin('offloads', createOffloadTask({ dueOffloads: () => application.dueOffloads(), keeper, log, clock })),
    begin('checksums', createChecksumTask({ feed: application.feed, keeper, log })),
    begin('recycled', createPurgeTask({ purgeExpired: () => application.purgeExpired(), log })),
    begin(
      'snapshots',
      createConsolidateTask({ dueConsolidations: () => application.dueConsolidations(), keeper, log, clock }),
      () => Math.max(usualMs(), CONSOLIDATE_MS),
    ),
    begin('schedules', scheduler.turn, () => scheduler.msToNextTurn(limitTurns(usualMs()))),
    notifications,
  ];
  // what happened while libvirt was away was told to nobody
  const unsubscribe = application.subscribe((event) => {
    if (event.kind === 'connection' && event.isConnected) for (const loop of loops) loop.wake();
  });
  return {
    stop: async () => {
      unsubscribe();
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

function limitTurns(usualMs: number): TurnLimits {
  return { idleMs: Math.min(usualMs, SCHEDULES_IDLE_MS), activeMs: Math.min(usualMs, SCHEDULES_ACTIVE_MS) };
}
