import { API_ROOT } from '../../api/paths.ts';
import { volumeListQuerySchema, volumeParamsSchema } from '../../api/schemas/instances.ts';
import type { Application } from '../../operations/application.ts';
import type { ApiApp } from '../api-app.ts';

const VOLUMES = `${API_ROOT}/volumes`;

export function addVolumeRoutes(app: ApiApp, { volumes }: Application): void {
  app.get(VOLUMES, { schema: { querystring: volumeListQuerySchema } }, ({ query }) => volumes.list(query));

  app.get(`${VOLUMES}/:volume`, { schema: { params: volumeParamsSchema } }, ({ params }) =>
    volumes.show(params.volume),
  );
}
