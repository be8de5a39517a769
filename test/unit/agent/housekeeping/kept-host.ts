import { Registry } from 'prom-client';
import {
  type Housekeeping,
  type KeptApplication,
  startHousekeeping,
} from '../../../../src/agent/housekeeping/start-housekeeping.ts';
import { createScheduleMetrics } from '../../../../src/agent/metrics/schedule-metrics.ts';
import { createLogger } from '../../../../src/lib/logger.ts';
import { DarkroomError, type ErrorCode } from '../../../../src/model/errors.ts';
import type { Image } from '../../../../src/model/image.ts';
import type { Operation } from '../../../../src/model/operation.ts';
import type { HypervisorEvent } from '../../../../src/model/ports/hypervisor.ts';
import type { OperationRequest } from '../../../../src/model/requests.ts';
import { createFakeJournal } from '../../../support/fake-journal.ts';
import { createFakeNotifier } from '../../../support/fake-notifier.ts';
import { createFakeScheduleBook } from '../../../support/fake-schedule-book.ts';
import { createManualClock } from '../../../support/manual-clock.ts';
import { makeImage } from '../../../support/sample-images.ts';
import { makeOperation, outcome, processIdentity } from '../../../support/sample-operations.ts';
import { FakeApplication } from '../fake-application.ts';

export const INTERVAL_MS = 30_000;

export type KeptHost = ReturnType<typeof makeKeptHost>;

/** A host whose housekeeping a test can watch: what it submits stays running until the test ends it. */
export function makeKeptHost() {
  const clock = createManualClock();
  const journal = createFakeJournal();
  const book = createFakeScheduleBook();
  const notifier = createFakeNotifier();
  const images = new Map<string, Image>();
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const submitted: { readonly request: OperationRequest; readonly operationId: string }[] = [];
  const told: string[] = [];
  const tell = (_: unknown, message: string): void => void told.push(message);
  const state = {
    recoveries: 0,
    /** Called at every recovery. */
    onRecover: async (): Promise<void> => undefined,
    due: [] as string[],
    dueVolumes: [] as string[],
    onDueOffloads: async (): Promise<void> => undefined,
    /** Codes that submissions for these instances or images are refused with. */
    refusals: new Map<string, ErrorCode>(),
  };
  const submit = async (request: OperationRequest): Promise<Operation> => {
    const subject = subjectOf(request);
    const refusal = state.refusals.get(subject);
    if (refusal !== undefined) throw new DarkroomError(refusal, `${subject} is refused`);
    const operation = makeOperation({ kind: request.kind, target: subject });
    await journal.begin(operation, { owner: processIdentity(1), plan: null });
    submitted.push({ request, operationId: operation.id });
    return operation;
  };
  const keeper = Object.assign(new FakeApplication(), {
    images: {
      list: async () => [...images.values()],
      show: async (id: string) => {
        const image = images.get(id);
        if (image === undefined) throw new DarkroomError('IMAGE_NOT_FOUND', id);
        return image;
      },
      update: async () => makeImage('none'),
    },
    operations: {
      ...new FakeApplication().operations,
      submit,
      list: async (filter = {}) => (await journal.list(filter)).map(({ operation }) => operation),
      show: async (id: string) => (await journal.read(id)).operation,
    },
  });
  const application: KeptApplication = {
    as: () => keeper,
    recover: async () => {
      state.recoveries += 1;
      await state.onRecover();
    },
    purgeExpired: async () => [],
    dueOffloads: async () => {
      await state.onDueOffloads();
      return state.due.map((id) => ({ id, name: id, shelvedAt: '2026-01-01T00:00:00.000Z' }));
    },
    dueConsolidations: async () => state.dueVolumes,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    feed: {
      lastRevision: () => journal.lastRevision(),
      listChanged: (after, limit) => journal.listChanged(after, limit),
    },
    scheduling: { book, notifier },
  };
  const settings = { housekeepingIntervalMs: INTERVAL_MS, maxConcurrentBackups: 2, hostName: 'host-a' };
  const metrics = createScheduleMetrics(new Registry());
  const log = { ...createLogger({ level: 'silent', isPretty: false }), info: tell, warn: tell };
  return {
    clock,
    journal,
    book,
    notifier,
    images,
    listeners,
    submitted,
    told,
    state,
    settings,
    start: (): Housekeeping => startHousekeeping(application, { settings, metrics, log, clock }),
    /** What was asked of `kind`, by instance, image or volume. */
    asked: (kind: OperationRequest['kind']): readonly string[] =>
      submitted.flatMap(({ request }) => (request.kind === kind ? [subjectOf(request)] : [])),
    /** The newest operation ends so. */
    end: async (status: 'succeeded' | 'failed'): Promise<void> => {
      await journal.finish(submitted.at(-1)?.operationId ?? '', outcome(status));
    },
    /** An image that an operation of this host made, and what it lacks. */
    addMade: async (id: string, changes: Partial<Image> = {}): Promise<void> => {
      images.set(id, makeImage(id, { checksum: { algorithm: 'sha256', value: null }, ...changes }));
      const operation = makeOperation({ kind: 'image.create' });
      await journal.begin(operation, { owner: processIdentity(1), plan: null });
      await journal.finish(operation.id, { ...outcome('succeeded'), result: { imageId: id } });
    },
    /** One more turn of each task. */
    round: () => clock.advance(INTERVAL_MS),
  };
}

function subjectOf(request: OperationRequest): string {
  if ('instance' in request && request.instance !== null) return request.instance;
  if ('image' in request) return request.image;
  return 'volume' in request ? (request.volume ?? '') : '';
}
