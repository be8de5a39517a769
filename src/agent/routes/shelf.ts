import { API_ROOT } from '../../api/paths.ts';
import {
  instanceParamsSchema,
  powerBodySchema,
  shelveInstanceBodySchema,
  unshelveInstanceBodySchema,
} from '../../api/schemas/instances.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { submit } from '../submit.ts';

const INSTANCE = `${API_ROOT}/instances/:instance`;
const SHELVING: readonly ErrorCode[] = [
  ...(['INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'INSTANCE_BUSY', 'INSTANCE_STATE', 'IMAGE_BUSY', 'NO_SPACE'] as const),
  ...(['STORE_UNUSABLE', 'SHELF_DAMAGED', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'] as const),
];

/** To the shelf and back. */
export function addShelfRoutes(app: ApiApp): void {
  const params = instanceParamsSchema;
  const response = { 202: operationSchema };

  app.post(
    `${INSTANCE}/shelve`,
    {
      schema: { params, body: shelveInstanceBodySchema, response },
      config: {
        isWork: true,
        summary: 'Shelves an instance',
        errors: [...SHELVING, 'QUOTA_EXCEEDED', 'NO_DISKS', 'DISK_MISSING', 'DISK_UNSUPPORTED', 'INSTANCE_UNSUPPORTED'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'instance.shelve', instance: request.params.instance, ...request.body }),
  );

  app.post(
    `${INSTANCE}/offload`,
    {
      schema: { params, body: powerBodySchema, response },
      config: { isWork: true, summary: 'Takes a shelved instance off its host', errors: SHELVING },
    },
    (request, reply) => submit(request, reply, { kind: 'instance.offload', instance: request.params.instance }),
  );

  app.post(
    `${INSTANCE}/unshelve`,
    {
      schema: { params, body: unshelveInstanceBodySchema, response },
      config: {
        isWork: true,
        summary: 'Brings a shelved instance back',
        errors: [...SHELVING, 'NAME_TAKEN', 'PATH_NOT_ALLOWED', 'NETWORK_NOT_FOUND', 'NETWORK_INACTIVE'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'instance.unshelve', instance: request.params.instance, ...request.body }),
  );
}
