import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import { volumeListQuerySchema, volumeParamsSchema, volumeSchema } from '../../api/schemas/instances.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import { createVolumeBodySchema } from '../../api/schemas/volumes.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';
import { submit } from '../submit.ts';
import { READING_SNAPSHOT } from './images.ts';

const VOLUMES = `${API_ROOT}/volumes`;

export function addVolumeRoutes(app: ApiApp): void {
  app.get(
    VOLUMES,
    {
      schema: { querystring: volumeListQuerySchema, response: { 200: listOf(volumeSchema) } },
      config: {
        summary: 'Disks of the instances that the caller may see',
        errors: ['INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'INSTANCE_STATE', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'],
      },
    },
    (request, reply) => answerPage(request, reply, request.application.volumes.list),
  );

  app.get(
    `${VOLUMES}/:volume`,
    {
      schema: { params: volumeParamsSchema, response: { 200: volumeSchema } },
      config: {
        summary: 'One volume, by its id or as <instance>/<target>',
        errors: ['VOLUME_NOT_FOUND', 'AMBIGUOUS_NAME', 'INSTANCE_STATE', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'],
      },
    },
    ({ application, params }) => application.volumes.show(params.volume),
  );

  app.post(
    VOLUMES,
    {
      schema: { body: createVolumeBodySchema, response: { 202: operationSchema } },
      config: {
        isWork: true,
        summary: 'A new file from a snapshot, ready to be attached',
        errors: [
          ...READING_SNAPSHOT,
          'PATH_NOT_ALLOWED',
          'PATH_TAKEN',
          'NO_SPACE',
          'DISK_UNSUPPORTED',
          'STORE_UNUSABLE',
        ],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'volume.create', ...request.body }),
  );
}
