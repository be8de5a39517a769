import { z } from 'zod';
import type { DoctorReport } from '../model/doctor.ts';
import type { Image } from '../model/image.ts';
import type { Instance, Volume } from '../model/instance.ts';
import type { Operation } from '../model/operation.ts';
import type { Page } from '../model/pages.ts';
import type { AuditEvent } from '../model/ports/audit.ts';
import type { OperationFilter } from '../model/ports/journal.ts';
import type { Principal } from '../model/ports/principals.ts';
import type { QuotaReport } from '../model/quota.ts';
import type { RecycledImage } from '../model/recycled-image.ts';
import type { ImageFilter, InstanceFilter, VolumeFilter } from '../model/requests.ts';
import { type AgentApi, createAgentApi } from './agent-api.ts';
import { type BackupCalls, backupCalls, type ScheduleCalls, scheduleCalls } from './backup-calls.ts';
import { call, callForNothing } from './call.ts';
import { type ApiEvent, type EventOptions, followEvents } from './follow-events.ts';
import { API_ROOT, collectionPath, encodeQuery, itemPath } from './paths.ts';
import type { PowerVerb, StopVerb } from './power-verbs.ts';
import type { CopyImageBody, PullImageBody, PushImageBody } from './schemas/image-transfers.ts';
import {
  type CreateImageBody,
  type ExportImageBody,
  type ImportImageBody,
  imageSchema,
  recycledImageSchema,
  type UpdateImageBody,
  type VerifyImageBody,
} from './schemas/images.ts';
import {
  instanceSchema,
  type LaunchInstanceBody,
  type ShelveInstanceBody,
  type StopInstanceBody,
  type UnshelveInstanceBody,
  type UpdateInstanceBody,
  volumeSchema,
} from './schemas/instances.ts';
import { formatLabelFilter } from './schemas/labels.ts';
import { doctorReportSchema, operationSchema } from './schemas/operations.ts';
import {
  auditEventSchema,
  type CreatePrincipalBody,
  type PrincipalWithToken,
  principalSchema,
  principalWithTokenSchema,
} from './schemas/principals.ts';
import { quotaSchema } from './schemas/quota.ts';
import type { CreateVolumeBody } from './schemas/volumes.ts';
import { post, read, type SubmitOptions, submit } from './send.ts';
import { type SnapshotCalls, snapshotCalls } from './snapshot-calls.ts';
import { type StoreCalls, storeCalls } from './store-calls.ts';
import type { Transport } from './transport.ts';
import { watchOperation } from './watch-operation.ts';

/** What a client may ask of the list; the rest of the filter is for those who put things right. */
export type ApiOperationFilter = Omit<OperationFilter, 'isUnsettled'>;

/** The API, one method per call. Every failure is a DarkroomError with the code that the application gave it. */
export interface Client {
  readonly agent: AgentApi;
  readonly images: {
    list(filter?: ImageFilter): Promise<readonly Image[]>;
    show(image: string): Promise<Image>;
    update(image: string, changes: UpdateImageBody): Promise<Image>;
    create(body: CreateImageBody, options?: SubmitOptions): Promise<Operation>;
    import(body: ImportImageBody, options?: SubmitOptions): Promise<Operation>;
    export(image: string, body: ExportImageBody, options?: SubmitOptions): Promise<Operation>;
    verify(image: string, body: VerifyImageBody, options?: SubmitOptions): Promise<Operation>;
    /** To another store, or from one. */
    copy(image: string, body: CopyImageBody, options?: SubmitOptions): Promise<Operation>;
    /** To an image service. */
    push(image: string, body: PushImageBody, options?: SubmitOptions): Promise<Operation>;
    /** From an image service. */
    pull(body: PullImageBody, options?: SubmitOptions): Promise<Operation>;
    /** Purged: for good, now, and also one that was deleted before. */
    delete(image: string, options?: SubmitOptions & { readonly isPurged?: boolean }): Promise<Operation>;
    /** The caller's own that can be brought back, last deleted first. */
    listDeleted(page?: Page): Promise<readonly RecycledImage[]>;
    undelete(image: string): Promise<Image>;
    /** Deletes for good what was deleted before. */
    purge(image: string): Promise<void>;
  };
  readonly instances: {
    list(filter?: InstanceFilter): Promise<readonly Instance[]>;
    show(instance: string): Promise<Instance>;
    update(instance: string, changes: UpdateInstanceBody): Promise<Instance>;
    launch(body: LaunchInstanceBody, options?: SubmitOptions): Promise<Operation>;
    delete(instance: string, options: SubmitOptions & { readonly isForced: boolean }): Promise<Operation>;
    power(instance: string, verb: PowerVerb, options?: SubmitOptions): Promise<Operation>;
    stop(instance: string, verb: StopVerb, body: StopInstanceBody & SubmitOptions): Promise<Operation>;
    shelve(instance: string, body: ShelveInstanceBody, options?: SubmitOptions): Promise<Operation>;
    offload(instance: string, options?: SubmitOptions): Promise<Operation>;
    unshelve(instance: string, body: UnshelveInstanceBody, options?: SubmitOptions): Promise<Operation>;
  };
  readonly volumes: {
    list(filter?: VolumeFilter): Promise<readonly Volume[]>;
    show(volume: string): Promise<Volume>;
    create(body: CreateVolumeBody, options?: SubmitOptions): Promise<Operation>;
  };
  readonly snapshots: SnapshotCalls;
  readonly stores: StoreCalls;
  readonly backups: BackupCalls;
  readonly schedules: ScheduleCalls;
  readonly operations: {
    list(filter?: ApiOperationFilter): Promise<readonly Operation[]>;
    show(operation: string): Promise<Operation>;
    cancel(operation: string): Promise<Operation>;
    /** Yields the operation at once, at every change, and last when it is over. */
    watch(operation: string): AsyncIterable<Operation>;
  };
  /** For admins alone: FORBIDDEN. A token is told when it is made, and never again. */
  readonly principals: {
    list(): Promise<readonly Principal[]>;
    create(body: CreatePrincipalBody): Promise<PrincipalWithToken>;
    renewToken(name: string): Promise<PrincipalWithToken>;
    delete(name: string): Promise<void>;
  };
  readonly audit: {
    /** Newest first: everybody's for an admin, else the caller's own. */
    list(filter?: { readonly limit?: number }): Promise<readonly AuditEvent[]>;
  };
  /** What the caller has of images and snapshots, and may have. */
  quota(): Promise<QuotaReport>;
  doctor(options: { readonly isRepairing: boolean }): Promise<DoctorReport>;
  /** What happens from now on, until the reader stops; an agent alone tells of it. */
  events(options?: EventOptions): AsyncIterable<ApiEvent>;
}

export function createClient(transport: Transport): Client {
  return {
    agent: createAgentApi(transport),
    images: imageCalls(transport),
    instances: instanceCalls(transport),
    volumes: {
      list: (filter) => read(transport, collectionPath('volumes', { ...filter }), z.array(volumeSchema)),
      show: async (volume) => read(transport, itemPath('volumes', volume), volumeSchema),
      create: (body, options) => submit(transport, post(collectionPath('volumes'), body), options),
    },
    snapshots: snapshotCalls(transport),
    stores: storeCalls(transport),
    backups: backupCalls(transport),
    schedules: scheduleCalls(transport),
    operations: {
      list: (filter) => read(transport, collectionPath('operations', { ...filter }), z.array(operationSchema)),
      show: async (operation) => read(transport, itemPath('operations', operation), operationSchema),
      cancel: async (operation) =>
        call(transport, post(itemPath('operations', operation, { verb: 'cancel' })), operationSchema),
      watch: (operation) => watchOperation(transport, operation),
    },
    principals: principalCalls(transport),
    audit: {
      list: (filter) => read(transport, `${API_ROOT}/audit${encodeQuery({ ...filter })}`, z.array(auditEventSchema)),
    },
    quota: () => read(transport, `${API_ROOT}/quota`, quotaSchema),
    doctor: (body) => call(transport, post(`${API_ROOT}/doctor`, body), doctorReportSchema),
    events: (options) => followEvents(transport, options),
  };
}

interface Work extends SubmitOptions {
  readonly verb: string;
  readonly body?: unknown;
}

function imageCalls(transport: Transport): Client['images'] {
  const work = async (image: string, { verb, body, ...options }: Work) =>
    submit(transport, post(itemPath('images', image, { verb }), body), options);
  return {
    list: (filter) => read(transport, collectionPath('images', { ...filter }), z.array(imageSchema)),
    show: async (image) => read(transport, itemPath('images', image), imageSchema),
    update: async (image, body) =>
      call(transport, { method: 'PATCH', path: itemPath('images', image), body }, imageSchema),
    create: (body, options) => submit(transport, post(collectionPath('images'), body), options),
    import: (body, options) => submit(transport, post(`${API_ROOT}/images/import`, body), options),
    export: (image, body, options) => work(image, { verb: 'export', body, ...options }),
    verify: (image, body, options) => work(image, { verb: 'verify', body, ...options }),
    copy: (image, body, options) => work(image, { verb: 'copy', body, ...options }),
    push: (image, body, options) => work(image, { verb: 'push', body, ...options }),
    pull: (body, options) => submit(transport, post(`${API_ROOT}/images/pull`, body), options),
    delete: async (image, { isPurged = false, ...options } = {}) => {
      const path = itemPath('images', image, isPurged ? { query: { isPurged: 'true' } } : {});
      return submit(transport, { method: 'DELETE', path }, options);
    },
    listDeleted: (page) =>
      read(transport, collectionPath('recycled-images', { ...page }), z.array(recycledImageSchema)),
    undelete: async (image) => call(transport, post(itemPath('images', image, { verb: 'undelete' })), imageSchema),
    purge: async (image) => callForNothing(transport, { method: 'DELETE', path: itemPath('recycled-images', image) }),
  };
}

function instanceCalls(transport: Transport): Client['instances'] {
  const work = async (instance: string, { verb, body, ...options }: Work) =>
    submit(transport, post(itemPath('instances', instance, { verb }), body), options);
  return {
    list: ({ labels, ...filter } = {}) => {
      const query = { ...filter, ...(labels === undefined ? {} : { labels: formatLabelFilter(labels) }) };
      return read(transport, collectionPath('instances', query), z.array(instanceSchema));
    },
    show: async (instance) => read(transport, itemPath('instances', instance), instanceSchema),
    update: async (instance, body) =>
      call(transport, { method: 'PATCH', path: itemPath('instances', instance), body }, instanceSchema),
    launch: (body, options) => submit(transport, post(collectionPath('instances'), body), options),
    delete: async (instance, { isForced, ...options }) => {
      const path = itemPath('instances', instance, { query: { isForced: String(isForced) } });
      return submit(transport, { method: 'DELETE', path }, options);
    },
    power: (instance, verb, options) => work(instance, { verb, ...options }),
    stop: (instance, verb, { idempotencyKey, ...body }) =>
      work(instance, { verb, body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }),
    shelve: (instance, body, options) => work(instance, { verb: 'shelve', body, ...options }),
    offload: (instance, options) => work(instance, { verb: 'offload', ...options }),
    unshelve: (instance, body, options) => work(instance, { verb: 'unshelve', body, ...options }),
  };
}

function principalCalls(transport: Transport): Client['principals'] {
  return {
    list: () => read(transport, collectionPath('principals'), z.array(principalSchema)),
    create: (body) => call(transport, post(collectionPath('principals'), body), principalWithTokenSchema),
    renewToken: async (name) =>
      call(transport, post(itemPath('principals', name, { verb: 'token' })), principalWithTokenSchema),
    delete: async (name) => callForNothing(transport, { method: 'DELETE', path: itemPath('principals', name) }),
  };
}
