import { createMetrics, type MeasuredApplication, type Metrics } from '../../../../src/agent/metrics/metrics.ts';
import { createLogger } from '../../../../src/lib/logger.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';
import type { Operation } from '../../../../src/model/operation.ts';
import type { HypervisorEvent } from '../../../../src/model/ports/hypervisor.ts';
import type { ImageSurvey, InstanceSurvey, OverlaySize } from '../../../../src/operations/survey-host.ts';
import { createFakeJournal } from '../../../support/fake-journal.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { parsePrometheusText, sampleValue } from '../../../support/prometheus-text.ts';
import { makeOperation, outcome, processIdentity } from '../../../support/sample-operations.ts';
import { FakeApplication } from '../fake-application.ts';

export type MeasuredHost = ReturnType<typeof makeMeasuredHost>;

/** A host whose state a test decides, and how often somebody looked at which part of it. */
export function makeMeasuredHost() {
  const clock = createManualClock();
  const journal = createFakeJournal();
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const told: string[] = [];
  const state = {
    isLibvirtUp: true,
    isStoreUp: true,
    locks: 0,
    storeLookMs: 0,
    instances: { instances: [], shelved: [] } as InstanceSurvey,
    overlays: [] as OverlaySize[],
    images: { counts: [], damaged: 0, sizeBytes: 0, backups: [] } as ImageSurvey,
  };
  const looks = { ping: 0, instances: 0, store: 0 };
  const application: MeasuredApplication = {
    feed: {
      lastRevision: () => journal.lastRevision(),
      listChanged: (after, limit) => journal.listChanged(after, limit),
    },
    operations: {
      ...new FakeApplication().operations,
      list: async (filter = {}) => (await journal.list(filter)).map(({ operation }) => operation),
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    survey: {
      instances: async () => {
        looks.instances += 1;
        return state.instances;
      },
      overlays: async () => state.overlays,
      images: async () => {
        looks.store += 1;
        if (state.storeLookMs > 0) await clock.sleep(state.storeLookMs);
        if (!state.isStoreUp) throw new DarkroomError('STORE_UNUSABLE', 'it is away');
        return state.images;
      },
      storeSpace: async () => ({ freeBytes: 1000, reserveBytes: 100 }),
      requireWritableStore: async () => undefined,
      countLocks: async () => state.locks,
    },
  };
  const libvirt = {
    ask: async () => {
      looks.ping += 1;
      return { kind: state.isLibvirtUp ? 'answers' : 'unreachable', error: null } as const;
    },
  };
  const tell = (_: unknown, message: string): void => void told.push(message);
  const log = { ...createLogger({ level: 'silent', isPretty: false }), info: tell, warn: tell };
  const metrics: Metrics = createMetrics(application, { version: '1.2.3', libvirt, log, clock });
  const scrape = async () => parsePrometheusText((await metrics.render()).text);
  return {
    clock,
    journal,
    state,
    looks,
    told,
    listeners,
    metrics,
    scrape,
    /** Value of a series now. */
    value: async (name: string, labels: Readonly<Record<string, string>> = {}) =>
      sampleValue(await scrape(), name, labels),
    emit: (event: HypervisorEvent): void => {
      for (const listener of listeners) listener(event);
    },
    begin: async (changes: Partial<Operation> = {}): Promise<string> => {
      const operation = makeOperation(changes);
      await journal.begin(operation, { owner: processIdentity(1), plan: null });
      return operation.id;
    },
    end: (id: string, changes: Partial<Operation> = {}): Promise<void> =>
      journal.finish(id, { ...outcome('succeeded'), ...changes }),
  };
}
