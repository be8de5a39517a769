import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

export interface RequestMetrics {
  /** `route` as it is written in the code, with its parameters as names; null for what no route answers. */
  answered(request: { readonly method: string; readonly route: string | null; readonly status: number }): void;
  /** Of what is answered at once; an event stream ends when its reader goes. */
  took(request: { readonly method: string; readonly route: string | null }, milliseconds: number): void;
  streamOpened(): void;
  streamClosed(): void;
}

export function createRequestMetrics(registry: Registry): RequestMetrics {
  const registers = [registry];
  const total = new Counter({
    name: 'darkroom_http_requests_total',
    help: 'Requests to the API that were answered.',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  });
  const duration = new Histogram({
    name: 'darkroom_http_request_duration_seconds',
    help: 'How long requests to the API took, event streams left out.',
    labelNames: ['method', 'route'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const streams = new Gauge({ name: 'darkroom_event_streams', help: 'Event streams that are open.', registers });
  return {
    answered: ({ method, route, status }) => total.inc({ ...labels(method, route), status }),
    took: ({ method, route }, milliseconds) => duration.observe(labels(method, route), milliseconds / 1000),
    streamOpened: () => streams.inc(),
    streamClosed: () => streams.dec(),
  };
}

/** What a client may send in any number makes one series: paths that are no route, and with them the method. */
function labels(method: string, route: string | null): { method: string; route: string } {
  return route === null ? { method: 'any', route: 'unknown' } : { method, route };
}
