import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import { volumeListQuerySchema, volumeParamsSchema, volumeSchema } from '../../api/schemas/instances.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';

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
      config: { summary: 'One volume', errors: ['VOLUME_NOT_FOUND', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'] },
    },
    ({ application, params }) => application.volumes.show(params.volume),
  );
}
