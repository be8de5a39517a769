import { z } from 'zod';
import type { DoctorReport } from '../model/doctor.ts';
import type { Image } from '../model/image.ts';
import type { Instance, Volume } from '../model/instance.ts';
import type { Operation } from '../model/operation.ts';
import type { OperationFilter } from '../model/ports/journal.ts';
import type { ImageFilter } from '../model/requests.ts';
import { call } from './call.ts';
import { API_ROOT, collectionPath, itemPath } from './paths.ts';
import type { PowerVerb, StopVerb } from './power-verbs.ts';
import {
  type CreateImageBody,
  type ExportImageBody,
  type ImportImageBody,
  imageSchema,
  type UpdateImageBody,
  type VerifyImageBody,
} from './schemas/images.ts';
import {
  instanceSchema,
  type LaunchInstanceBody,
  type ShelveInstanceBody,
  type StopInstanceBody,
  type UnshelveInstanceBody,
  volumeSchema,
} from './schemas/instances.ts';
import { doctorReportSchema, operationSchema } from './schemas/operations.ts';
import { submitOperation } from './submit-operation.ts';
import type { ApiRequest, Transport } from './transport.ts';
import { watchOperation } from './watch-operation.ts';

/** The API, one method per call. Every failure is a DarkroomError with the code that the application gave it. */
export interface Client {
  readonly images: {
    list(filter?: ImageFilter): Promise<readonly Image[]>;
    show(image: string): Promise<Image>;
    update(image: string, changes: UpdateImageBody): Promise<Image>;
    create(body: CreateImageBody): Promise<Operation>;
    import(body: ImportImageBody): Promise<Operation>;
    export(image: string, body: ExportImageBody): Promise<Operation>;
    verify(image: string, body: VerifyImageBody): Promise<Operation>;
    delete(image: string): Promise<Operation>;
  };
  readonly instances: {
    list(): Promise<readonly Instance[]>;
    show(instance: string): Promise<Instance>;
    launch(body: LaunchInstanceBody): Promise<Operation>;
    delete(instance: string, options: { readonly isForced: boolean }): Promise<Operation>;
    power(instance: string, verb: PowerVerb): Promise<Operation>;
    stop(instance: string, verb: StopVerb, body: StopInstanceBody): Promise<Operation>;
    shelve(instance: string, body: ShelveInstanceBody): Promise<Operation>;
    offload(instance: string): Promise<Operation>;
    unshelve(instance: string, body: UnshelveInstanceBody): Promise<Operation>;
  };
  readonly volumes: {
    list(filter?: { readonly instance?: string }): Promise<readonly Volume[]>;
    show(volume: string): Promise<Volume>;
  };
  readonly operations: {
    list(filter?: OperationFilter): Promise<readonly Operation[]>;
    show(operation: string): Promise<Operation>;
    cancel(operation: string): Promise<Operation>;
    /** Yields the operation at once, at every change, and last when it is over. */
    watch(operation: string): AsyncIterable<Operation>;
  };
  doctor(options: { readonly isRepairing: boolean }): Promise<DoctorReport>;
}

export function createClient(transport: Transport): Client {
  const submit = (path: string, body?: unknown) => submitOperation(transport, post(path, body));
  const read = <Answer>(path: string, schema: z.ZodType<Answer>) => call(transport, { method: 'GET', path }, schema);
  return {
    images: {
      list: (filter = {}) => read(collectionPath('images', { type: filter.type }), z.array(imageSchema)),
      show: async (image) => read(itemPath('images', image), imageSchema),
      update: async (image, body) =>
        call(transport, { method: 'PATCH', path: itemPath('images', image), body }, imageSchema),
      create: (body) => submit(collectionPath('images'), body),
      import: (body) => submit(`${API_ROOT}/images/import`, body),
      export: async (image, body) => submit(itemPath('images', image, { verb: 'export' }), body),
      verify: async (image, body) => submit(itemPath('images', image, { verb: 'verify' }), body),
      delete: async (image) => submitOperation(transport, { method: 'DELETE', path: itemPath('images', image) }),
    },
    instances: {
      list: () => read(collectionPath('instances'), z.array(instanceSchema)),
      show: async (instance) => read(itemPath('instances', instance), instanceSchema),
      launch: (body) => submit(collectionPath('instances'), body),
      delete: async (instance, { isForced }) => {
        const path = itemPath('instances', instance, { query: { isForced: String(isForced) } });
        return submitOperation(transport, { method: 'DELETE', path });
      },
      power: async (instance, verb) => submit(itemPath('instances', instance, { verb })),
      stop: async (instance, verb, body) => submit(itemPath('instances', instance, { verb }), body),
      shelve: async (instance, body) => submit(itemPath('instances', instance, { verb: 'shelve' }), body),
      offload: async (instance) => submit(itemPath('instances', instance, { verb: 'offload' })),
      unshelve: async (instance, body) => submit(itemPath('instances', instance, { verb: 'unshelve' }), body),
    },
    volumes: {
      list: (filter = {}) => read(collectionPath('volumes', { instance: filter.instance }), z.array(volumeSchema)),
      show: async (volume) => read(itemPath('volumes', volume), volumeSchema),
    },
    operations: {
      list: ({ status, limit } = {}) =>
        read(collectionPath('operations', { status, limit: limit?.toString() }), z.array(operationSchema)),
      show: async (operation) => read(itemPath('operations', operation), operationSchema),
      cancel: async (operation) =>
        call(
          transport,
          { method: 'POST', path: itemPath('operations', operation, { verb: 'cancel' }) },
          operationSchema,
        ),
      watch: (operation) => watchOperation(transport, operation),
    },
    doctor: (body) => call(transport, post(`${API_ROOT}/doctor`, body), doctorReportSchema),
  };
}

function post(path: string, body: unknown): ApiRequest {
  return { method: 'POST', path, ...(body === undefined ? {} : { body }) };
}
