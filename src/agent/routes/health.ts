import { type Readiness, readinessSchema } from '../../api/schemas/readiness.ts';
import type { ApiApp } from '../api-app.ts';
import type { ReadinessQuestion } from '../health/readiness.ts';
import { isLocal } from '../identify.ts';

const SERVICE_UNAVAILABLE = 503;

/** `/readyz`: 200 when the host can be worked on, else 503; either says what was looked at. */
export function addHealthRoutes(app: ApiApp, readiness: (question: ReadinessQuestion) => Promise<Readiness>): void {
  app.get(
    '/readyz',
    {
      schema: { response: { 200: readinessSchema, [SERVICE_UNAVAILABLE]: readinessSchema } },
      config: { needs: 'anybody', summary: 'Whether the host can be worked on, and else why not (503)' },
    },
    async (request, reply) => {
      const seen = await readiness({ isLocal: isLocal(request.raw.socket) });
      if (seen.status !== 'ready') reply.code(SERVICE_UNAVAILABLE);
      return reply.header('cache-control', 'no-store').send(seen);
    },
  );
}
