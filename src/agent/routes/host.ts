import { API_ROOT } from '../../api/paths.ts';
import { doctorBodySchema } from '../../api/schemas/operations.ts';
import type { ApiApp } from '../api-app.ts';

/** What concerns the host as a whole. */
export function addHostRoutes(app: ApiApp): void {
  app.get('/healthz', () => ({ status: 'ok' }));

  app.post(`${API_ROOT}/doctor`, { schema: { body: doctorBodySchema } }, ({ application, body }) =>
    application.doctor(body),
  );
}
