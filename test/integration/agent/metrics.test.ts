import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiApp } from '../../../src/agent/api-app.ts';
import { LibvirtCheck } from '../../../src/agent/daemon/libvirt-check.ts';
import { buildDaemonApp } from '../../../src/agent/daemon-app.ts';
import { createReadiness } from '../../../src/agent/health/readiness.ts';
import { createMetrics, type Metrics } from '../../../src/agent/metrics/metrics.ts';
import { addHealthRoutes } from '../../../src/agent/routes/health.ts';
import { addMetricsRoutes } from '../../../src/agent/routes/metrics.ts';
import { compose, composeDaemon } from '../../../src/compose.ts';
import { loadSettings } from '../../../src/config/load-settings.ts';
import { createLogger } from '../../../src/lib/logger.ts';
import type { Application } from '../../../src/operations/application.ts';
import { calmestMs } from '../../support/calmest.ts';
import { type MetricFamily, parsePrometheusText, sampleValue } from '../../support/prometheus-text.ts';
import { makeOperation, outcome } from '../../support/sample-operations.ts';
import { StateProcess } from '../../support/state-process.ts';

let folder: string;
let application: Application;
let metrics: Metrics;
let app: ApiApp;

beforeEach(async () => {
  folder = mkdtempSync('/var/tmp/dr-met-');
  const settings = loadSettings({
    env: { DARKROOM_STATE_DIR: folder, DARKROOM_CONNECT: 'test:///default', DARKROOM_LOG_LEVEL: 'silent' },
    flags: {},
  });
  const log = createLogger({ level: 'silent', isPretty: false });
  const { clock } = composeDaemon({});
  application = await compose(settings, { isDaemon: true, log });
  const libvirt = new LibvirtCheck(application);
  metrics = createMetrics(application, { version: '0.0.0', libvirt, log, clock });
  app = buildDaemonApp({
    application,
    settings,
    logger: log,
    version: '0.0.0',
    extend: (daemon) => {
      addMetricsRoutes(daemon, metrics);
      addHealthRoutes(daemon, createReadiness({ application, libvirt, gate: { isClosed: false }, clock, log }));
    },
  });
});

afterEach(async () => {
  await metrics.stop();
  await app.close();
  await application[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function scrape(): Promise<ReadonlyMap<string, MetricFamily>> {
  return parsePrometheusText((await app.inject('/metrics')).body);
}

const value = async (name: string, labels: Readonly<Record<string, string>> = {}) =>
  sampleValue(await scrape(), name, labels);

function poll(name: string, labels: Readonly<Record<string, string>> = {}) {
  return expect.poll(() => value(name, labels), { timeout: 60_000, interval: 100 });
}

describe('the metrics of an agent', () => {
  it('count what other processes of the host do, from the start of the agent on', async () => {
    const other = new StateProcess(folder);
    const before = makeOperation();
    await other.ask('begin', before);
    await other.ask('finish', before.id, outcome('failed'));
    metrics.start();
    expect(await value('darkroom_operations_total', { kind: 'image.create', status: 'failed' })).toBe(0);

    const operation = makeOperation({ kind: 'instance.shelve' });
    await other.ask('begin', operation);
    await other.ask('acquire', 'instance:a', operation.id);
    expect(await value('darkroom_operations_running', { kind: 'instance.shelve' })).toBe(1);
    expect(await value('darkroom_locks_held')).toBe(1);
    await other.ask('finish', operation.id, { ...outcome('succeeded'), timings: { totalMs: 1500, copiedBytes: 77 } });
    await other.ask('release', operation.id);
    const kind = 'instance.shelve';
    expect(await value('darkroom_operations_total', { kind, status: 'succeeded' })).toBe(1);
    expect(await value('darkroom_operation_duration_seconds_sum', { kind })).toBe(1.5);
    expect(await value('darkroom_copied_bytes_total', { kind })).toBe(77);
    expect(await value('darkroom_operations_running', { kind })).toBe(0);
    expect(await value('darkroom_locks_held')).toBe(0);
    await other.end();
  });

  it('tell of the domains, the store, and an image that was just made', async () => {
    metrics.start();
    await poll('darkroom_libvirt_up').toBe(1);
    await poll('darkroom_instances', { state: 'active' }).toBe(1);
    await poll('darkroom_store_up').toBe(1);
    expect(await value('darkroom_store_free_bytes')).toBeGreaterThan(0);

    await importImage();
    await poll('darkroom_images', { status: 'active', type: 'imported' }).toBe(1);
    expect(await value('darkroom_store_size_bytes')).toBeGreaterThan(100_000);
    expect(await value('darkroom_operations_total', { kind: 'image.import', status: 'succeeded' })).toBe(1);
  });

  it('are told within 20 ms', async () => {
    metrics.start();
    for (const path of ['/v1/images', '/v1/instances', '/healthz']) await app.inject(path);
    await poll('darkroom_store_up').toBe(1);
    const durations: number[] = [];
    for (let scrapes = 0; scrapes < 51; scrapes += 1) {
      durations.push(await calmestMs(20, () => app.inject('/metrics')));
    }
    expect(durations.sort((left, right) => left - right)[25]).toBeLessThan(20);
  });

  it('are for principals of this host, and a route of the API like all others', async () => {
    expect((await app.inject({ url: '/metrics', headers: { authorization: 'Bearer x' } })).statusCode).toBe(401);
    expect(await value('darkroom_http_requests_total', { route: '/metrics', status: '401' })).toBe(1);
  });
});

it('the document of the API has both', async () => {
  const { paths } = (await app.inject('/openapi.json')).json();
  expect(Object.keys(paths['/readyz'].get.responses)).toEqual(expect.arrayContaining(['200', '503']));
  expect(Object.keys(paths['/metrics'].get.responses['200'].content)).toEqual(['text/plain']);
});

describe('a host', () => {
  it('is ready after its recovery, for whoever asks', async () => {
    const early = await app.inject('/readyz');
    expect(early.statusCode).toBe(503);
    expect(early.json()).toMatchObject({ status: 'unready', checks: [{ name: 'recovery', isOk: false }, {}, {}, {}] });
    await application.recover();
    const ready = await app.inject({ url: '/readyz', headers: { authorization: 'Bearer x' } });
    expect([ready.statusCode, ready.json().status]).toEqual([200, 'ready']);
  });

  it('is not ready when its store is no folder', async () => {
    writeFileSync(path.join(folder, 'store'), 'in the way');
    await application.recover();
    const { statusCode, body } = await app.inject('/readyz');
    expect(statusCode).toBe(503);
    expect(body).toContain('STORE_UNUSABLE');
  });
});

/** By an application of a user's own: one of a daemon takes no path. */
async function importImage(): Promise<void> {
  const source = path.join(folder, 'disk.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', source, '1G']);
  const settings = loadSettings({
    env: { DARKROOM_STATE_DIR: folder, DARKROOM_CONNECT: 'test:///default', DARKROOM_LOG_LEVEL: 'silent' },
    flags: {},
  });
  await using user = await compose(settings);
  await user.operations.submit({
    kind: 'image.import',
    path: source,
    name: 'disk',
    format: 'qcow2',
    description: null,
    properties: {},
  });
  await user.drain();
}
