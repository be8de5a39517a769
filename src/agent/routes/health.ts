import type { ApiApp } from '../api-app.ts';
import type { Readiness } from '../health/readiness.ts';

const SERVICE_UNAVAILABLE = 503;

/** `/readyz`: 200 when the host can be worked on, else 503; either says what was looked at. */
export function addHealthRoutes(app: ApiApp, readiness: () => Promise<Readiness>): void {
  app.get(
    '/readyz',
    { config: { needs: 'anybody', summary: 'Whether the host can be worked on, and what stands against it' } },
    async (_request, reply) => {
      const seen = await readiness();
      if (seen.status !== 'ready') reply.code(SERVICE_UNAVAILABLE);
      return reply.header('cache-control', 'no-store').send(seen);
    },
  );
}
