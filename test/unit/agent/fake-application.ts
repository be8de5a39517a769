import type { BackupSchedule } from '../../../src/model/backup/schedule.ts';
import type { DoctorReport } from '../../../src/model/doctor.ts';
import { DarkroomError, type ErrorCode } from '../../../src/model/errors.ts';
import type { Image } from '../../../src/model/image.ts';
import type { Instance, Volume } from '../../../src/model/instance.ts';
import type { Operation } from '../../../src/model/operation.ts';
import type { Page } from '../../../src/model/pages.ts';
import type { AuditEvent } from '../../../src/model/ports/audit.ts';
import type { OperationFilter } from '../../../src/model/ports/journal.ts';
import type { Principal } from '../../../src/model/ports/principals.ts';
import type { QuotaReport } from '../../../src/model/quota.ts';
import type { RecycledImage } from '../../../src/model/recycled-image.ts';
import type {
  BackupFilter,
  CreatePrincipalRequest,
  CreateScheduleRequest,
  ImageFilter,
  InstanceFilter,
  OperationRequest,
  PlanBackupsRequest,
  UpdateImageRequest,
  UpdateInstanceRequest,
  VolumeFilter,
} from '../../../src/model/requests.ts';
import type { SnapshotFilter } from '../../../src/model/snapshot/requests.ts';
import type { SnapshotShare } from '../../../src/model/snapshot/snapshot.ts';
import type { StoreDescription, StoreFinding, StoreStatus } from '../../../src/model/store.ts';
import type { CollectGarbageRequest } from '../../../src/model/store-requests.ts';
import type { CallerApplication } from '../../../src/operations/application.ts';
import {
  sampleAuditEvent,
  sampleBackup,
  sampleBackupPlan,
  sampleBackupStatus,
  sampleChain,
  sampleDeletion,
  sampleFinding,
  sampleImage,
  sampleInstance,
  sampleOperation,
  samplePrincipal,
  sampleQuota,
  sampleRecycledImage,
  sampleSchedule,
  sampleScheduleRun,
  sampleSnapshot,
  sampleStore,
  sampleStoreStatus,
  sampleVolume,
} from './samples.ts';

/** How the next operations go on after they were submitted: the changes that a watcher sees, the last one final. */
export type Script = (running: Operation, request: OperationRequest) => readonly Operation[];

export const succeed: Script = (running, request) => [
  { ...running, step: 'copy', progress: { done: 1, total: 4, unit: 'bytes' } },
  {
    ...running,
    status: 'succeeded',
    endedAt: '2026-03-01T12:00:04.200Z',
    result: resultOf(request),
  },
];

function resultOf({ kind }: OperationRequest): Operation['result'] {
  if (kind === 'image.push') return { imageId: sampleImage.id, serviceImageId: '5e7f1a2b-0000-4000-8000-00000000aaaa' };
  if (/^(image|backup)/.test(kind)) return { imageId: sampleImage.id };
  if (kind === 'volume.create') return { path: '/srv/new.qcow2', snapshotId: sampleSnapshot.id };
  if (kind === 'snapshot.delete') return { snapshotId: sampleSnapshot.id, freedBytes: 12 * 1024 ** 2 };
  return kind.startsWith('snapshot') ? { snapshotId: sampleSnapshot.id } : { instanceId: sampleInstance.id };
}

export function failWith(code: ErrorCode, message = 'it broke'): Script {
  return (running) => [{ ...running, status: 'failed', endedAt: running.startedAt, error: { code, message } }];
}

/** Holds everything in memory, does what its script says, and remembers what it was asked. */
export class FakeApplication implements CallerApplication, AsyncDisposable {
  readonly caller = { name: 'root', role: 'admin', isTrustedWithPaths: true } as const;
  readonly principals = {
    list: async (): Promise<readonly Principal[]> => this.#answer([samplePrincipal]),
    create: async (request: CreatePrincipalRequest) => {
      const principal = { ...request, createdAt: samplePrincipal.createdAt };
      return this.#answer({ principal, token: request.hasToken ? 'drk_new' : null });
    },
    renewToken: async (name: string) => {
      if (name !== samplePrincipal.name) throw this.#missing('PRINCIPAL_NOT_FOUND', name);
      return this.#answer({ principal: samplePrincipal, token: 'drk_renewed' });
    },
    delete: async (name: string): Promise<void> => {
      if (name !== samplePrincipal.name) throw this.#missing('PRINCIPAL_NOT_FOUND', name);
      this.#answer(null);
    },
  };
  readonly audit = {
    list: async (filter: { readonly limit: number }): Promise<readonly AuditEvent[]> =>
      this.#answer([sampleAuditEvent], filter),
  };
  readonly submitted: OperationRequest[] = [];
  /** Idempotency keys of what was submitted. */
  readonly keys: (string | null)[] = [];
  readonly updates: (UpdateImageRequest | UpdateInstanceRequest)[] = [];
  readonly filters: unknown[] = [];
  readonly shares: SnapshotShare[] = [];
  readonly cancelled: string[] = [];
  recoveries = 0;
  disposals = 0;
  watchers = 0;
  script: Script = succeed;
  /** Thrown by every call until it is taken away. */
  failure: Error | null = null;
  /** Runs until it is cancelled. */
  isEndless = false;
  report: DoctorReport = { checks: [], isHealthy: true };
  storeStatuses: readonly StoreStatus[] = [sampleStoreStatus];
  findings: readonly StoreFinding[] = [sampleFinding];
  readonly #changes = new Map<string, readonly Operation[]>();
  #wake: (() => void) | null = null;

  readonly images = {
    list: async (filter?: ImageFilter): Promise<readonly Image[]> => this.#answer([sampleImage], filter),
    show: async (reference: string): Promise<Image> => {
      if (reference !== sampleImage.id && reference !== sampleImage.name)
        throw this.#missing('IMAGE_NOT_FOUND', reference);
      return this.#answer(sampleImage);
    },
    update: async (_reference: string, changes: UpdateImageRequest): Promise<Image> => {
      this.updates.push(changes);
      return this.#answer(sampleImage);
    },
    listDeleted: async (page?: Page): Promise<readonly RecycledImage[]> => this.#answer([sampleRecycledImage], page),
    undelete: async (reference: string): Promise<Image> => {
      if (reference !== sampleImage.id && reference !== sampleImage.name)
        throw this.#missing('IMAGE_NOT_FOUND', reference);
      return this.#answer(sampleImage);
    },
    purge: async (reference: string): Promise<void> => {
      if (reference !== sampleImage.id) throw this.#missing('IMAGE_NOT_FOUND', reference);
      this.#answer(null);
    },
  };

  readonly instances = {
    list: async (filter?: InstanceFilter): Promise<readonly Instance[]> => this.#answer([sampleInstance], filter),
    show: async (reference: string): Promise<Instance> => {
      const isKnown = reference === sampleInstance.id || reference === sampleInstance.name;
      if (!isKnown) throw this.#missing('INSTANCE_NOT_FOUND', reference);
      return this.#answer(sampleInstance);
    },
    update: async (_reference: string, changes: UpdateInstanceRequest): Promise<Instance> => {
      this.updates.push(changes);
      return this.#answer(sampleInstance);
    },
  };

  readonly backups = {
    list: async (filter?: BackupFilter) => this.#answer([sampleBackup], filter),
    plan: async (request: PlanBackupsRequest) => this.#answer([sampleBackupPlan], request),
    status: async (request: { readonly instance?: string; readonly days: number }) =>
      this.#answer([sampleBackupStatus], request),
  };

  readonly schedules = {
    list: async () => this.#answer([sampleSchedule]),
    show: async (reference: string) => this.#answer(this.#findSchedule(reference)),
    create: async (request: CreateScheduleRequest) => this.#answer(sampleSchedule, request),
    delete: async (reference: string): Promise<void> => void this.#answer(this.#findSchedule(reference)),
    setPaused: async (reference: string, isPaused: boolean) =>
      this.#answer({ ...this.#findSchedule(reference), isPaused }),
    run: async (reference: string) => {
      this.#findSchedule(reference);
      return this.#answer([sampleScheduleRun]);
    },
    listRuns: async (reference: string, filter: { readonly limit: number }) => {
      this.#findSchedule(reference);
      return this.#answer([sampleScheduleRun], filter);
    },
  };

  #findSchedule(reference: string): BackupSchedule {
    if (reference === sampleSchedule.id) return sampleSchedule;
    throw this.#missing('SCHEDULE_NOT_FOUND', reference);
  }

  readonly volumes = {
    list: async (filter?: VolumeFilter): Promise<readonly Volume[]> => this.#answer([sampleVolume], filter),
    show: async (id: string): Promise<Volume> => {
      if (id !== sampleVolume.id) throw this.#missing('VOLUME_NOT_FOUND', id);
      return this.#answer(sampleVolume);
    },
  };

  readonly snapshots = {
    list: async (filter?: SnapshotFilter) => this.#answer([sampleSnapshot], filter),
    show: async (reference: string) => this.#answer(this.#findSnapshot(reference)),
    showChain: async (reference: string) => {
      this.#findSnapshot(reference);
      return this.#answer(sampleChain);
    },
    planDelete: async (reference: string) => {
      this.#findSnapshot(reference);
      return this.#answer(sampleDeletion);
    },
    share: async (reference: string, share: SnapshotShare) => {
      this.shares.push(share);
      return this.#answer(this.#findSnapshot(reference));
    },
    unshare: async (reference: string, principal: string) => {
      this.shares.push({ principal, expiresAt: 'never' });
      return this.#answer(this.#findSnapshot(reference));
    },
  };

  #findSnapshot(reference: string) {
    if (sampleSnapshot.id.startsWith(reference)) return sampleSnapshot;
    throw this.#missing('SNAPSHOT_NOT_FOUND', reference);
  }

  readonly stores = {
    list: async (): Promise<readonly StoreDescription[]> => this.#answer([sampleStore]),
    status: async (name?: string): Promise<readonly StoreStatus[]> => {
      this.#requireStore(name);
      return this.#answer(this.storeStatuses);
    },
    check: async (name?: string): Promise<readonly StoreFinding[]> => {
      this.#requireStore(name);
      return this.#answer(this.findings);
    },
    collectGarbage: async (request: CollectGarbageRequest): Promise<readonly StoreFinding[]> => {
      this.#requireStore(request.store ?? undefined);
      return this.#answer(this.findings, request);
    },
  };

  #requireStore(name: string | undefined): void {
    if (name !== undefined && name !== sampleStore.name) throw this.#missing('STORE_NOT_FOUND', name);
  }

  async quota(): Promise<QuotaReport> {
    return this.#answer(sampleQuota);
  }

  readonly operations = {
    submit: async (
      request: OperationRequest,
      options?: { readonly idempotencyKey: string | null },
    ): Promise<Operation> => {
      this.submitted.push(request);
      this.keys.push(options?.idempotencyKey ?? null);
      const target = targetOf(request);
      const running = { ...sampleOperation, id: `op-${this.submitted.length}`, kind: request.kind, target };
      this.#changes.set(running.id, [running, ...this.script(running, request)]);
      return this.#answer(running);
    },
    list: async (filter?: OperationFilter): Promise<readonly Operation[]> => this.#answer([sampleOperation], filter),
    show: async (id: string): Promise<Operation> => this.#answer(this.#find(id)),
    cancel: async (id: string): Promise<Operation> => {
      this.cancelled.push(id);
      const [first = sampleOperation] = this.#changes.get(id) ?? [];
      this.#changes.set(id, [first, { ...first, status: 'cancelled', endedAt: first.startedAt }]);
      this.#wake?.();
      return this.#answer(first);
    },
    watch: (id: string, signal?: AbortSignal): AsyncIterable<Operation> => this.#watch(id, signal),
  };

  async doctor(options: { readonly isRepairing: boolean }): Promise<DoctorReport> {
    return this.#answer(this.report, options);
  }

  async recover(): Promise<void> {
    this.recoveries += 1;
    this.#answer(null);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposals += 1;
  }

  async *#watch(id: string, signal?: AbortSignal): AsyncGenerator<Operation> {
    this.watchers += 1;
    try {
      yield this.#find(id);
      if (this.isEndless && !this.cancelled.includes(id)) await this.#untilWoken(signal);
      if (signal?.aborted === true) return;
      yield* this.#changes.get(id)?.slice(1) ?? [];
    } finally {
      this.watchers -= 1;
    }
  }

  #untilWoken(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal?.addEventListener('abort', () => resolve());
    });
  }

  #find(id: string): Operation {
    const [operation] = this.#changes.get(id) ?? [];
    if (operation === undefined) throw this.#missing('OPERATION_NOT_FOUND', id);
    return operation;
  }

  #answer<Value>(value: Value, filter?: unknown): Value {
    if (this.failure !== null) throw this.failure;
    this.filters.push(filter);
    return value;
  }

  #missing(code: ErrorCode, reference: string): DarkroomError {
    return new DarkroomError(code, `'${reference}' is not known.`, { fields: { reference } });
  }
}

function targetOf(request: OperationRequest): string {
  if ('instance' in request && request.instance !== null) return request.instance;
  if ('image' in request) return request.image;
  if ('name' in request) return request.name;
  if ('snapshot' in request) return request.snapshot;
  if ('volume' in request && request.volume !== null) return request.volume;
  return 'path' in request && request.path !== null ? request.path : '';
}
