import { Registry } from 'prom-client';
import { beforeEach, expect, it } from 'vitest';
import { startBackground } from '../../../../src/agent/daemon/background.ts';
import type { LibvirtState } from '../../../../src/agent/daemon/libvirt-check.ts';
import { createScheduleMetrics } from '../../../../src/agent/metrics/schedule-metrics.ts';
import { createFakeNotifier } from '../../../support/fake-notifier.ts';
import { createFakeScheduleBook } from '../../../support/fake-schedule-book.ts';
import { createManualClock, type ManualClock } from '../../../support/manual-clock.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';
import { FakeApplication } from '../fake-application.ts';

let clock: ManualClock;
let kind: LibvirtState['kind'];
let events: string[];
let recovery: Promise<void>;

beforeEach(() => {
  clock = createManualClock();
  kind = 'answers';
  events = [];
  recovery = Promise.resolve();
});

function start(): { stop(): Promise<void> } {
  return startBackground({
    application: {
      as: () => new FakeApplication(),
      recover: () => recovery,
      dueOffloads: async () => [],
      dueConsolidations: async () => [],
      purgeExpired: async () => [],
      subscribe: () => () => undefined,
      feed: { lastRevision: async () => 0, listChanged: async () => [] },
      scheduling: { book: createFakeScheduleBook(), notifier: createFakeNotifier() },
    },
    metrics: {
      start: () => void events.push('start'),
      stop: async () => void events.push('stop'),
      schedules: createScheduleMetrics(new Registry()),
    },
    libvirt: { ask: async () => ({ kind, error: null }) },
    settings: { housekeepingIntervalMs: 1000, maxConcurrentBackups: 2, hostName: 'host-a' },
    log: createRememberingLogger(),
    clock,
  });
}

it('stops at once when nothing goes on, and leaves nobody waiting', async () => {
  const background = start();
  await clock.advance(0);
  await background.stop();
  await clock.advance(0);
  expect(events).toEqual(['start', 'stop']);
  expect(clock.sleepers).toBe(0);
});

it.each([
  ['waits for a recovery that goes on', 'answers', false],
  ['waits for one that libvirt refuses at once', 'unreachable', false],
  ['waits for nobody when libvirt hangs', 'silent', true],
] as const)('%s', async (_, state, isLeftBehind) => {
  let end = (): void => undefined;
  recovery = new Promise((resolve) => {
    end = resolve;
  });
  kind = state;
  let isStopped = false;
  const stopped = start()
    .stop()
    .then(() => {
      isStopped = true;
    });
  await clock.advance(60_000);
  expect(isStopped).toBe(isLeftBehind);
  end();
  await stopped;
});
