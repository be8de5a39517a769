import type { SchedulerParts } from '../../../../src/agent/scheduler/context.ts';
import { createScheduler } from '../../../../src/agent/scheduler/scheduler.ts';
import type { Caller } from '../../../../src/model/access.ts';
import { toRetained } from '../../../../src/model/backup/retained-image.ts';
import { planRetention } from '../../../../src/model/backup/retention.ts';
import type { BackupSchedule, RunStatus } from '../../../../src/model/backup/schedule.ts';
import { DarkroomError, type ErrorCode } from '../../../../src/model/errors.ts';
import type { Image } from '../../../../src/model/image.ts';
import type { Instance } from '../../../../src/model/instance.ts';
import type { Operation } from '../../../../src/model/operation.ts';
import type { Notification } from '../../../../src/model/ports/notifier.ts';
import type { ScheduleBook } from '../../../../src/model/ports/schedules.ts';
import type { CreateBackupRequest, OperationRequest } from '../../../../src/model/requests.ts';
import type { CallerApplication } from '../../../../src/operations/application.ts';
import { createFakeScheduleBook } from '../../../support/fake-schedule-book.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';
import { makeImage } from '../../../support/sample-images.ts';
import { makeOperation } from '../../../support/sample-operations.ts';
import { FakeApplication } from '../fake-application.ts';
import { sampleInstance, sampleSchedule } from '../samples.ts';

export interface Submitted {
  readonly request: OperationRequest;
  readonly key: string | null;
  readonly caller: string;
  operation: Operation;
}

export type ScheduledHost = ReturnType<typeof makeScheduledHost>;

/** A host in memory whose scheduler a test drives turn by turn: what it submits stays running until the test ends it. */
export function makeScheduledHost(start: string, book: ScheduleBook = createFakeScheduleBook()) {
  let nowMs = Date.parse(start);
  const clock = { now: () => new Date(nowMs) };
  const log = createRememberingLogger();
  const state = {
    instances: [] as Instance[],
    images: [] as Image[],
    submitted: [] as Submitted[],
    told: [] as Notification[],
    /** Thrown by submissions for these instances or images. */
    refusals: new Map<string, ErrorCode>(),
    counts: new Map<RunStatus, number>(),
    overdue: [] as string[],
    nextRuns: [] as string[],
    made: 0,
    /** Backups rotate when the number of what was made can be divided by that; 1: each. */
    rotateEvery: 1,
    /** How often the images were read. */
    looks: 0,
  };
  const settings = { maxConcurrentBackups: 2, hostName: 'host-a' };

  const submit = (caller: string, request: OperationRequest, key: string | null): Operation => {
    const known = state.submitted.find((each) => key !== null && each.key === key && each.caller === caller);
    if (known !== undefined) return known.operation;
    const subject = ('instance' in request ? request.instance : 'image' in request ? request.image : null) ?? '';
    const isBusy = ({ operation }: Submitted) => operation.status === 'running' && operation.target === subject;
    const refusal = state.submitted.some(isBusy) ? 'INSTANCE_BUSY' : state.refusals.get(subject);
    if (refusal !== undefined) throw new DarkroomError(refusal, `${subject} is refused`);
    const operation = makeOperation({
      id: `op-${state.made}`,
      kind: request.kind,
      target: subject,
      startedAt: clock.now().toISOString(),
    });
    state.made += 1;
    state.submitted.push({ request, key, caller, operation });
    return operation;
  };
  const find = (id: string | null): Submitted => {
    const found = state.submitted.find(({ operation }) => operation.id === id);
    if (found === undefined) throw new DarkroomError('OPERATION_NOT_FOUND', String(id));
    return found;
  };
  const rotate = ({
    instance,
    backupType,
    retention,
  }: Pick<CreateBackupRequest, 'instance' | 'backupType' | 'retention'>): void => {
    const isOfKind = ({ properties }: Image) =>
      properties['backup_type'] === backupType && properties['instance_uuid'] === instance;
    const gone = new Set(
      planRetention(state.images.filter(isOfKind).map(toRetained), retention)
        .filter(({ keep }) => keep.length === 0)
        .map(({ backup }) => backup.id),
    );
    state.images = state.images.filter((each) => !gone.has(each.id));
  };
  const makeBackup = ({ instance, backupType, retention, name }: CreateBackupRequest): string => {
    state.made += 1;
    const id = `image-${state.made}`;
    const properties = { image_type: 'backup', backup_type: backupType, instance_uuid: instance };
    state.images.push(makeImage(id, { name, properties, createdAt: clock.now().toISOString() }));
    if (state.made % state.rotateEvery === 0) rotate({ instance, backupType, retention });
    return id;
  };
  const end = (submitted: Submitted, status: Exclude<Operation['status'], 'running'>, code?: ErrorCode): void => {
    const { request } = submitted;
    const isMade = status === 'succeeded' && request.kind === 'backup.create';
    submitted.operation = {
      ...submitted.operation,
      status,
      endedAt: clock.now().toISOString(),
      error: code === undefined ? null : { code, message: 'it broke' },
      result: isMade ? { imageId: makeBackup(request) } : {},
    };
  };
  const applications = new Map<string, CallerApplication>();
  const as: SchedulerParts['application']['as'] = (caller) => {
    const application = applications.get(caller.name) ?? makeApplication(caller);
    applications.set(caller.name, application);
    return application;
  };
  const makeApplication = (caller: Caller): CallerApplication =>
    Object.assign(new FakeApplication(), {
      instances: { ...new FakeApplication().instances, list: async () => state.instances },
      images: {
        ...new FakeApplication().images,
        list: async () => {
          state.looks += 1;
          return state.images;
        },
      },
      operations: {
        ...new FakeApplication().operations,
        submit: async (request: OperationRequest, options?: { readonly idempotencyKey: string | null }) =>
          submit(caller.name, request, options?.idempotencyKey ?? null),
        show: async (id: string) => find(id).operation,
      },
    });
  const makeScheduler = () =>
    createScheduler({
      application: { as, scheduling: { book, notifier: { isConfigured: true, send: async () => undefined } } },
      settings,
      metrics: {
        countRun: (status) => void state.counts.set(status, (state.counts.get(status) ?? 0) + 1),
        showOverdue: (watched) => {
          state.overdue = watched.flatMap(({ instance, isOverdue }) => (isOverdue ? instance.id : []));
        },
        showNextRuns: (next) => {
          state.nextRuns = next.map(({ next: at }) => at.toISOString());
        },
      },
      tell: (notification) => void state.told.push(notification),
      log,
      clock,
    });
  let scheduler = makeScheduler();
  return {
    book,
    clock,
    log,
    state,
    settings,
    end,
    find,
    rotate,
    /** The agent dies and another one begins. */
    restart: (): void => {
      scheduler = makeScheduler();
    },
    setTime: (iso: string): void => {
      nowMs = Date.parse(iso);
    },
    pass: (ms: number): void => {
      nowMs += ms;
    },
    turn: () => scheduler.turn(new AbortController().signal),
    turnAborted: () => scheduler.turn(AbortSignal.abort()),
    msToNextTurn: (limitMs: number) => scheduler.msToNextTurn({ idleMs: limitMs, activeMs: limitMs }),
    addSchedule: async (changes: Partial<BackupSchedule> = {}): Promise<BackupSchedule> => {
      const at = clock.now().toISOString();
      const schedule = { ...sampleSchedule, policy: null, createdAt: at, handledUntil: at, ...changes };
      await book.add(schedule);
      return schedule;
    },
    /** As `backups of what, by status`, oldest first. */
    listRuns: async () => (await book.listRuns({})).toReversed(),
  };
}

export function makeInstance(id: string, changes: Partial<Instance> = {}): Instance {
  return { ...sampleInstance, id, name: `name-of-${id}`, host: 'host-a', ...changes };
}
