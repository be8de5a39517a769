import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import { guardTask, type Task } from '../background/guard-task.ts';
import { type Loop, startLoop } from '../background/loop.ts';
import { createChecksumTask } from './fill-checksums.ts';
import { createOffloadTask } from './offload-due.ts';

/** What housekeeping needs of a host. */
export type KeptApplication = Pick<Application, 'recover' | 'dueOffloads' | 'subscribe' | 'feed' | 'as'>;

export interface HousekeepingParts {
  readonly settings: Pick<Settings, 'housekeepingIntervalMs'>;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Housekeeping {
  /** Nothing is begun any more; resolves when what goes on has ended. Operations that were begun go on. */
  stop(): Promise<void>;
}

/** Whose the operations are that nobody asked for. */
const KEEPER = { name: 'agent', role: 'admin', isTrustedWithPaths: false } as const;

/**
 * Looks again and again for what is due: operations that nobody put right yet, shelved instances whose time on this host is
 * over, images without a checksum. Each task takes its own turns, so that one that hangs or fails holds up no other.
 */
export function startHousekeeping(application: KeptApplication, parts: HousekeepingParts): Housekeeping {
  const { settings, log, clock } = parts;
  const keeper: CallerApplication = application.as(KEEPER);
  const tasks: Readonly<Record<string, Task>> = {
    recovery: () => application.recover(),
    offloads: createOffloadTask({ dueOffloads: () => application.dueOffloads(), keeper, log, clock }),
    checksums: createChecksumTask({ feed: application.feed, keeper, log }),
  };
  const loops: readonly Loop[] = Object.entries(tasks).map(([name, task]) =>
    startLoop({ clock, work: guardTask(log, name, task), intervalMs: () => settings.housekeepingIntervalMs }),
  );
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
