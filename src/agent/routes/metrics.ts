import type { FastifyReply, FastifyRequest } from 'fastify';
import { metricsTextSchema } from '../../api/schemas/readiness.ts';
import type { ApiApp } from '../api-app.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { RequestMetrics } from '../metrics/request-metrics.ts';

/** `/metrics`, and figures of every request to the app. */
export function addMetricsRoutes(app: ApiApp, metrics: Metrics): void {
  countRequests(app, metrics.requests);
  app.get(
    '/metrics',
    {
      schema: { response: { 200: { content: { 'text/plain': { schema: metricsTextSchema } } } } },
      config: { summary: "Figures of this host in Prometheus' text format" },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.type(contentType).header('cache-control', 'no-store').send(text);
    },
  );
}

function countRequests(app: ApiApp, requests: RequestMetrics): void {
  app.addHook('onSend', async (_request, reply) => {
    if (!isEventStream(reply) || reply.raw.destroyed) return;
    requests.streamOpened();
    reply.raw.once('close', () => requests.streamClosed());
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const route = routeOf(request);
    requests.answered({ method, route, status: reply.statusCode });
    if (!isEventStream(reply)) requests.took({ method, route }, reply.elapsedTime);
  });
}

function routeOf(request: FastifyRequest): string | null {
  return request.routeOptions.url ?? null;
}

function isEventStream(reply: FastifyReply): boolean {
  return String(reply.getHeader('content-type') ?? '').startsWith('text/event-stream');
}
