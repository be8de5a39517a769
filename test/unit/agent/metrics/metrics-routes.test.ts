import { once } from 'node:events';
import { request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ApiApp } from '../../../../src/agent/api-app.ts';
import { buildApp } from '../../../../src/agent/app.ts';
import { addHealthRoutes } from '../../../../src/agent/routes/health.ts';
import { addMetricsRoutes } from '../../../../src/agent/routes/metrics.ts';
import { parsePrometheusText, sampleValue } from '../../../support/prometheus-text.ts';
import { FakeApplication } from '../fake-application.ts';
import { type MeasuredHost, makeMeasuredHost } from './measured-host.ts';

let host: MeasuredHost;
let application: FakeApplication;
let app: ApiApp;
let status: 'ready' | 'unready';

beforeEach(() => {
  host = makeMeasuredHost();
  application = new FakeApplication();
  status = 'ready';
  app = buildApp({
    application,
    extend: (daemon) => {
      addMetricsRoutes(daemon, host.metrics);
      addHealthRoutes(daemon, async () => ({ status, checks: [] }));
    },
  });
});
afterEach(() => app.close());

async function value(name: string, labels: Readonly<Record<string, string>>): Promise<number | undefined> {
  return sampleValue(parsePrometheusText((await app.inject('/metrics')).body), name, labels);
}

it('gives a scrape as Prometheus wants it', async () => {
  const { statusCode, headers } = await app.inject('/metrics');
  expect(statusCode).toBe(200);
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
});

it('counts requests by their route, not by their path', async () => {
  for (const id of ['a', 'b', 'c']) await app.inject(`/v1/images/${id}`);
  await app.inject('/v1/images/web-golden');
  const labels = { method: 'GET', route: '/v1/images/:image' };
  expect(await value('darkroom_http_requests_total', { ...labels, status: '404' })).toBe(3);
  expect(await value('darkroom_http_requests_total', { ...labels, status: '200' })).toBe(1);
  expect(await value('darkroom_http_request_duration_seconds_count', labels)).toBe(4);
});

it('makes one series of all that is no route', async () => {
  for (const url of ['/nothing', '/v1/nothing/a', '/%ff', '/v2']) await app.inject(url);
  await app.inject({ method: 'DELETE', url: '/nothing' });
  const { samples = [] } =
    parsePrometheusText((await app.inject('/metrics')).body).get('darkroom_http_requests_total') ?? {};
  expect(samples.map(({ labels }) => labels['route'])).toContain('unknown');
  expect(samples.filter(({ labels }) => labels['route'] === 'unknown')).toHaveLength(1);
});

it('counts event streams while they are open, and not how long they were', async () => {
  application.isEndless = true;
  const operation = await application.operations.submit({ kind: 'instance.offload', instance: 'web-1' });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const request = httpRequest({ port: portOf(app.server), path: `/v1/operations/${operation.id}/events` });
  request.end();
  const [response] = await once(request, 'response');
  await once(response, 'data');
  expect(await value('darkroom_event_streams', {})).toBe(1);
  request.destroy();
  await expect.poll(() => value('darkroom_event_streams', {})).toBe(0);
  const labels = { method: 'GET', route: '/v1/operations/:operation/events' };
  expect(await value('darkroom_http_request_duration_seconds_count', labels)).toBeUndefined();
});

function portOf(server: Pick<Server, 'address'>): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('it does not listen');
  return address.port;
}

it('says with its status whether the host is ready', async () => {
  expect(await app.inject('/readyz')).toMatchObject({ statusCode: 200 });
  status = 'unready';
  const { statusCode, body } = await app.inject('/readyz');
  expect(statusCode).toBe(503);
  expect(JSON.parse(body)).toEqual({ status: 'unready', checks: [] });
});
