import { API_ROOT } from '../../api/paths.ts';
import { quotaSchema } from '../../api/schemas/quota.ts';
import type { ApiApp } from '../api-app.ts';

export function addQuotaRoutes(app: ApiApp): void {
  app.get(
    `${API_ROOT}/quota`,
    {
      schema: { response: { 200: quotaSchema } },
      config: { summary: 'What the caller has of images and snapshots, and may have', errors: ['STORE_UNUSABLE'] },
    },
    ({ application }) => application.quota(),
  );
}
