import { Registry } from 'prom-client';
import type { Logger } from '../../lib/logger.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application } from '../../operations/application.ts';
import { guardTask } from '../background/guard-task.ts';
import type { LibvirtCheck } from '../daemon/libvirt-check.ts';
import { createFeedReader } from './feed-reader.ts';
import { createHostMetrics } from './host-metrics.ts';
import { type Looks, startLooks } from './looks.ts';
import { createOperationMetrics } from './operation-metrics.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { createRequestMetrics, type RequestMetrics } from './request-metrics.ts';
import { createScheduleMetrics, type ScheduleMetrics } from './schedule-metrics.ts';

/** What is measured. */
export type MeasuredApplication = Pick<Application, 'feed' | 'operations' | 'survey' | 'subscribe'>;

export interface MetricsParts {
  readonly version: string;
  readonly libvirt: Pick<LibvirtCheck, 'ask'>;
  readonly log: Logger;
  readonly clock: Clock;
}

export interface Metrics {
  /** In Prometheus' text format. Looks at the journal alone: what costs more is looked at in the background. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  readonly requests: RequestMetrics;
  readonly schedules: ScheduleMetrics;
  /** Operations that end from now on are counted; where it is not called, from the first look on. */
  begin(): Promise<void>;
  /** Begins to look. */
  start(): void;
  stop(): Promise<void>;
}

/** Figures of one host for Prometheus, in a registry of their own. */
export function createMetrics(
  application: MeasuredApplication,
  { version, libvirt, log, clock }: MetricsParts,
): Metrics {
  const registry = new Registry();
  addProcessMetrics(registry, { version, startedAt: clock.now() });
  const host = createHostMetrics(registry);
  const operations = createOperationMetrics(registry, clock);
  const requests = createRequestMetrics(registry);
  const schedules = createScheduleMetrics(registry);
  let looks: Looks | null = null;
  const feed = createFeedReader(application.feed, {
    begin: async () => {
      const [running, unsettled] = await Promise.all([
        application.operations.list({ status: 'running' }),
        application.operations.list({ isUnsettled: true }),
      ]);
      operations.begin({ running, unsettled });
    },
    see: (entry) => {
      if (operations.see(entry)) looks?.onEnd(entry.operation.kind);
    },
  });
  const pulse = guardTask(log, 'pulse', async () => {
    await feed.catchUp();
    host.showLocks(await application.survey.countLocks());
    host.showOverlays(await application.survey.overlays());
  });
  return {
    requests,
    schedules,
    render: async () => {
      await pulse(new AbortController().signal);
      return { contentType: registry.contentType, text: await registry.metrics() };
    },
    begin: () => pulse(new AbortController().signal),
    start: () => {
      looks ??= startLooks(application, { host, libvirt, pulse, log, clock });
    },
    stop: async () => {
      await looks?.stop();
      looks = null;
    },
  };
}
