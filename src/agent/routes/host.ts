import { API_ROOT } from '../../api/paths.ts';
import { healthSchema } from '../../api/schemas/answers.ts';
import { doctorBodySchema, doctorReportSchema } from '../../api/schemas/operations.ts';
import type { ApiApp } from '../api-app.ts';

/** What concerns the host as a whole. */
export function addHostRoutes(app: ApiApp): void {
  app.get(
    '/healthz',
    {
      schema: { response: { 200: healthSchema } },
      config: { needs: 'anybody', summary: 'Answers as long as the agent does' },
    },
    () => ({ status: 'ok' as const }),
  );

  app.post(
    `${API_ROOT}/doctor`,
    {
      schema: { body: doctorBodySchema, response: { 200: doctorReportSchema } },
      config: { summary: 'Looks at what is needed and what was left over; repairs it for an admin' },
    },
    ({ application, body }) => application.doctor(body),
  );
}
