import { API_ROOT } from '../../api/paths.ts';
import { volumeListQuerySchema, volumeParamsSchema } from '../../api/schemas/instances.ts';
import type { ApiApp } from '../api-app.ts';

const VOLUMES = `${API_ROOT}/volumes`;

export function addVolumeRoutes(app: ApiApp): void {
  app.get(VOLUMES, { schema: { querystring: volumeListQuerySchema } }, ({ application, query }) =>
    application.volumes.list(query),
  );

  app.get(`${VOLUMES}/:volume`, { schema: { params: volumeParamsSchema } }, ({ application, params }) =>
    application.volumes.show(params.volume),
  );
}
