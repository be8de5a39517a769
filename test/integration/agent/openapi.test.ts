import { readdirSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ApiApp } from '../../../src/agent/api-app.ts';
import { addAgentRoutes } from '../../../src/agent/routes/agent.ts';
import { addHealthRoutes } from '../../../src/agent/routes/health.ts';
import { addMetricsRoutes } from '../../../src/agent/routes/metrics.ts';
import { ERROR_TABLE } from '../../../src/api/error-table.ts';
import { ERROR_CODES } from '../../../src/model/errors.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { createFakeImageStore } from '../../support/fake-image-store.ts';
import { createFakeJournal } from '../../support/fake-journal.ts';
import { createFakeScheduleBook } from '../../support/fake-schedule-book.ts';
import { createFakeShelf } from '../../support/fake-shelf.ts';
import { createFakeSnapshotStore } from '../../support/fake-snapshot-store.ts';
import { validate } from '../../support/json-schema.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { makeShelved } from '../../support/sample-shelf.ts';
import { putSnapshot, sampleSnapshot } from '../../support/sample-snapshots.ts';
import { type ServedHost, serveHost } from '../../support/served-host.ts';
import { sampleBackup, sampleOperation, sampleSchedule, sampleScheduleRun } from '../../unit/agent/samples.ts';

const answerSchema = z.object({
  description: z.string().min(1),
  content: z.record(z.string(), z.object({ schema: z.unknown() })).optional(),
});
const operationObjectSchema = z.object({
  operationId: z.string(),
  summary: z.string().min(1),
  description: z.string(),
  security: z.array(z.unknown()).optional(),
  requestBody: z.object({ required: z.boolean() }).optional(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), schema: z.unknown() })).optional(),
  responses: z.record(z.string(), answerSchema),
});
const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  info: z.object({ version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationObjectSchema)),
});
type Document = z.output<typeof documentSchema>;

const INSTANCE = '5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f';
const SHELVED = '6a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f';
const IMAGE = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const BACKUP = '3f1c1d5e-5a6b-4c7d-8e9f-000000000002';
const SNAPSHOT = sampleSnapshot('a').id;
const DELETED = '3f1c1d5e-5a6b-4c7d-8e9f-000000000003';
const XML = `<domain type='qemu'><name>web-1</name><uuid>${INSTANCE}</uuid><memory unit='MiB'>256</memory><vcpu>1</vcpu>
  <os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>
  <source file='/nowhere/vda.raw'/><target dev='vda'/></disk><interface type='network'>
  <mac address='52:54:00:11:22:33'/><source network='default'/></interface></devices></domain>`;

/** One of everything that can be looked at. */
async function openHost(): Promise<ServedHost> {
  const [hypervisor, store, shelf, journal] = [
    createFakeHypervisor(),
    createFakeImageStore(),
    createFakeShelf(),
    createFakeJournal(),
  ];
  const address = { mac: '52:54:00:11:22:33', address: '10.0.0.2', prefix: 24, source: 'lease' as const };
  hypervisor.put(XML, { powerState: 'running', addresses: [address] });
  await publishImage(store, makeImage(IMAGE));
  const { properties } = sampleBackup;
  await publishImage(
    store,
    makeImage(BACKUP, { properties, bootProof: { at: '2026-03-01T12:00:00.000Z', hasBooted: true } }),
  );
  const schedules = createFakeScheduleBook();
  await schedules.add(sampleSchedule);
  await schedules.addRuns(sampleSchedule.id, {
    ...{ expected: sampleSchedule.handledUntil, handledUntil: sampleSchedule.handledUntil, runs: [sampleScheduleRun] },
  });
  await publishImage(store, makeImage(DELETED));
  const at = '2026-03-01T12:00:00.000Z';
  await store.recycleImage(DELETED, { deletedAt: at, deletedBy: 'ann', expiresAt: at });
  await shelf.write(makeShelved(SHELVED));
  await journal.begin(
    { ...sampleOperation, id: 'op-1' },
    { owner: { pid: 1, startTicks: 1, bootId: 'b' }, plan: null },
  );
  await journal.finish('op-1', {
    ...sampleOperation,
    status: 'failed',
    endedAt: sampleOperation.startedAt,
    error: { code: 'NO_SPACE', message: 'full' },
    warnings: ['careful'],
  });
  const snapshots = createFakeSnapshotStore();
  putSnapshot(snapshots, sampleSnapshot('a', { shares: [{ principal: 'ann', expiresAt: null }] }));
  putSnapshot(snapshots, sampleSnapshot('b', { parent: SNAPSHOT, method: 'compare', reason: 'no bitmap' }));
  const host = serveHost({ hypervisor, store, shelf, journal, schedules, snapshots }, { extend: addDaemonRoutes });
  await host.addPrincipal('ann', 'operator');
  await host.send('ann', { method: 'POST', url: '/v1/doctor' });
  return host;
}

/** What a running agent adds to the API. */
function addDaemonRoutes(app: ApiApp): void {
  const nothing = () => undefined;
  const requests = { answered: nothing, took: nothing, streamOpened: nothing, streamClosed: nothing };
  const render = async () => ({ contentType: 'text/plain; version=0.0.4', text: 'darkroom_up 1\n' });
  addMetricsRoutes(app, {
    render,
    requests,
    schedules: { countRun: nothing, showOverdue: nothing, showNextRuns: nothing },
    begin: async () => undefined,
    start: nothing,
    stop: async () => undefined,
  });
  addHealthRoutes(app, async () => ({
    status: 'unready',
    checks: [{ name: 'libvirt', isOk: false, reason: 'LIBVIRT_UNREACHABLE', error: null }],
  }));
  addAgentRoutes(app, async () => ({
    version: '1.2.3',
    pid: 7,
    startedAt: '2026-03-01T12:00:00.000Z',
    uptimeSeconds: 1.5,
    host: 'host-a',
    socket: '/run/darkroom/agent.sock',
    listen: null,
    libvirt: { isReachable: false, error: 'down' },
    runningOperations: 0,
    isStopping: false,
  }));
}

async function readDocument(host: ServedHost): Promise<Document> {
  return documentSchema.parse((await host.app.inject({ url: '/openapi.json' })).json());
}

describe('the document of the API', () => {
  let host: ServedHost;
  let document: Document;
  const registered: string[] = [];
  beforeAll(async () => {
    host = await openHost();
    document = await readDocument(host);
    await host.app.ready();
    registered.push(...listRoutes(host.app.printRoutes({ commonPrefix: false })));
  });

  it('has the version of the package and is there for everybody', () => {
    expect(document.info.version).toBe('1.2.3');
  });

  it('has every route, and every route is in it', () => {
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    expect(registered.length).toBeGreaterThan(30);
    expect(documented.sort()).toEqual(registered.sort());
  });

  it('has all route files', () => {
    const tags = new Set(Object.keys(document.paths).map((path) => path.replace(/^\/v1/, '').split('/')[1]));
    const files = readdirSync(new URL('../../../src/agent/routes', import.meta.url)).map((file) =>
      file.replace('.ts', ''),
    );
    const others = ['host', 'health', 'openapi', 'shelf', 'snapshot-work', 'image-transfers'];
    const nouns = files.filter((file) => !others.includes(file));
    expect(nouns.filter((noun) => !tags.has(noun))).toEqual([]);
  });

  it('names every operation once', () => {
    const names = allOperations(document).map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('postInstancesInstanceShelve');
  });

  it('has codes and statuses of the one table alone', () => {
    const wrong = allOperations(document).flatMap(({ operationId, responses }) =>
      Object.entries(responses).flatMap(([status, { description }]) =>
        Number(status) < 300 || isOfTable(status, description) || description === 'Not now'
          ? []
          : [`${operationId} ${status} ${description}`],
      ),
    );
    expect(wrong).toEqual([]);
    expect(isOfTable('404', 'INSTANCE_BUSY')).toBe(false);
  });

  it('says which bodies may be left out', () => {
    const required = (path: string) => document.paths[path]?.['post']?.requestBody?.required;
    expect(required('/v1/images')).toBe(true);
    expect(required('/v1/instances/{instance}/stop')).toBe(false);
    expect(required('/v1/instances/{instance}/start')).toBe(false);
    expect(required('/v1/doctor')).toBe(false);
    expect(required('/v1/backups')).toBe(true);
    expect(required('/v1/backups/plan')).toBe(false);
    expect(required('/v1/snapshots')).toBe(true);
    expect(required('/v1/snapshots/{snapshot}/mount')).toBe(false);
  });

  it('has the key of what starts an operation, and the page of lists', () => {
    const parameters = (path: string, method: string) =>
      document.paths[path]?.[method]?.parameters?.map(({ name }) => name) ?? [];
    expect(parameters('/v1/images', 'post')).toContain('Idempotency-Key');
    expect(parameters('/v1/images/{image}', 'delete')).toContain('Idempotency-Key');
    expect(parameters('/v1/operations/{operation}/cancel', 'post')).not.toContain('Idempotency-Key');
    expect(parameters('/v1/backups', 'post')).toContain('Idempotency-Key');
    expect(parameters('/v1/schedules', 'post')).not.toContain('Idempotency-Key');
    for (const list of ['images', 'backups', 'instances', 'volumes', 'snapshots', 'operations']) {
      expect(parameters(`/v1/${list}`, 'get')).toEqual(expect.arrayContaining(['limit', 'marker']));
    }
  });

  it('says who needs what', () => {
    expect(document.paths['/healthz']?.['get']?.security).toEqual([]);
    expect(document.paths['/v1/principals']?.['get']?.description).toContain('admin');
    expect(document.paths['/v1/stores/{store}/gc']?.['post']?.description).toContain('admin');
    expect(document.paths['/v1/images/{image}/push']?.['post']?.description).toContain('operator');
    expect(document.paths['/v1/images']?.['get']?.description).toContain('reader');
    expect(document.paths['/v1/images']?.['post']?.description).toContain('operator');
    expect(document.paths['/v1/backups/plan']?.['post']?.description).toContain('reader');
    expect(document.paths['/v1/snapshots/{snapshot}/plan-delete']?.['post']?.description).toContain('reader');
    expect(document.paths['/v1/snapshots/{snapshot}/shares/{principal}']?.['put']?.description).toContain('operator');
    expect(document.paths['/v1/schedules/{schedule}']?.['patch']?.description).toContain('operator');
  });

  const urls: Readonly<Record<string, readonly string[]>> = {
    '/healthz': ['/healthz'],
    '/openapi.json': ['/openapi.json'],
    '/readyz': [],
    '/v1/agent': ['/v1/agent'],
    '/v1/images': ['/v1/images', '/v1/images?limit=1'],
    '/v1/recycled-images': ['/v1/recycled-images'],
    '/v1/images/{image}': [`/v1/images/${IMAGE}`],
    '/v1/instances': ['/v1/instances'],
    '/v1/instances/{instance}': [`/v1/instances/${INSTANCE}`, `/v1/instances/${SHELVED}`],
    '/v1/volumes': ['/v1/volumes'],
    '/v1/volumes/{volume}': [],
    '/v1/snapshots': ['/v1/snapshots', '/v1/snapshots?limit=1'],
    '/v1/snapshots/{snapshot}': [`/v1/snapshots/${SNAPSHOT}`],
    '/v1/snapshots/{snapshot}/chain': [`/v1/snapshots/${SNAPSHOT}/chain`],
    '/v1/stores': ['/v1/stores'],
    '/v1/stores/status': ['/v1/stores/status'],
    '/v1/stores/{store}/status': ['/v1/stores/default/status'],
    '/v1/stores/check': [],
    '/v1/stores/{store}/check': [],
    '/v1/quota': ['/v1/quota'],
    '/v1/operations': ['/v1/operations'],
    '/v1/operations/{operation}': ['/v1/operations/op-1'],
    '/v1/backups': ['/v1/backups', '/v1/backups?type=daily&limit=1'],
    '/v1/backups/status': ['/v1/backups/status', '/v1/backups/status?days=366'],
    '/v1/schedules': ['/v1/schedules'],
    '/v1/schedules/{schedule}': [],
    '/v1/schedules/{schedule}/runs': [],
    '/v1/principals': ['/v1/principals'],
    '/v1/audit': ['/v1/audit'],
  };

  it('describes what every route that reads really answers', async () => {
    const [volume] = (await host.send(null, { method: 'GET', url: '/v1/volumes' })).json<{ id: string }[]>();
    const asked: Readonly<Record<string, readonly string[]>> = {
      ...urls,
      '/v1/volumes/{volume}': [`/v1/volumes/${volume?.id}`],
    };
    const reading = Object.entries(document.paths).filter(
      ([, { get }]) => get?.responses['200']?.content?.['application/json'],
    );
    expect(reading.map(([path]) => path).sort()).toEqual(Object.keys(asked).sort());
    for (const [path, { get }] of reading) {
      for (const url of asked[path] ?? []) {
        const response = await host.send(null, { method: 'GET', url });
        expect(response.statusCode).toBe(200);
        const body: unknown = response.json();
        if (Array.isArray(body)) expect(body.length).toBeGreaterThan(0);
        const schema = get?.responses['200']?.content?.['application/json']?.schema;
        expect({ url, wrong: validate(schema, body, document) }).toEqual({ url, wrong: [] });
      }
    }
  });

  it('describes refusals and what changes answer', async () => {
    const answers = [
      ['/v1/images/{image}', 'get', await host.send(null, { method: 'GET', url: '/v1/images/none' })],
      ['/v1/backups/plan', 'post', await host.send(null, { method: 'POST', url: '/v1/backups/plan' })],
      ['/readyz', 'get', await host.send(null, { method: 'GET', url: '/readyz' })],
      ['/v1/images', 'get', await host.send('nobody', { method: 'GET', url: '/v1/images' })],
      ['/v1/principals', 'get', await host.send('ann', { method: 'GET', url: '/v1/principals' })],
      ['/v1/images', 'get', await host.send(null, { method: 'GET', url: '/v1/images?limit=x' })],
      ['/v1/doctor', 'post', await host.send(null, { method: 'POST', url: '/v1/doctor' })],
      [
        '/v1/instances/{instance}/pause',
        'post',
        await host.send(null, { method: 'POST', url: `/v1/instances/${INSTANCE}/pause` }),
      ],
      [
        '/v1/images/{image}',
        'patch',
        await host.send(null, { method: 'PATCH', url: `/v1/images/${IMAGE}`, body: { protected: true } }),
      ],
      [
        '/v1/instances/{instance}',
        'patch',
        await host.send(null, { method: 'PATCH', url: `/v1/instances/${INSTANCE}`, body: { labels: { env: 'prod' } } }),
      ],
      [
        '/v1/snapshots/{snapshot}/shares/{principal}',
        'put',
        await host.send(null, { method: 'PUT', url: `/v1/snapshots/${SNAPSHOT}/shares/bob`, body: {} }),
      ],
      [
        '/v1/principals',
        'post',
        await host.send(null, { method: 'POST', url: '/v1/principals', body: { name: 'bob', role: 'reader' } }),
      ],
    ] as const;
    expect(answers.map(([, , { statusCode }]) => statusCode)).toEqual([
      404, 200, 503, 401, 403, 400, 200, 202, 200, 200, 200, 201,
    ]);
    for (const [path, method, response] of answers) {
      const schema =
        document.paths[path]?.[method]?.responses[response.statusCode]?.content?.['application/json']?.schema;
      expect({ path, wrong: validate(schema, response.json(), document) }).toEqual({ path, wrong: [] });
    }
  });

  it('would see an answer that is not as described', async () => {
    const schema = document.paths['/v1/images']?.['get']?.responses['200']?.content?.['application/json']?.schema;
    expect(validate(schema, [{ ...makeImage(IMAGE), status: 'lost' }], document)).toEqual([
      '/0/status: is none of queued,saving,active,deleting,error',
    ]);
  });
});

function allOperations(document: Document) {
  return Object.values(document.paths).flatMap((methods) => Object.values(methods));
}

function isOfTable(status: string, description: string): boolean {
  return description.split(', ').every((text) => {
    const code = ERROR_CODES.find((known) => known === text);
    return code !== undefined && ERROR_TABLE[code].httpStatus === Number(status);
  });
}

/** From the tree that fastify prints, which is indented by four characters a level. */
function listRoutes(tree: string): readonly string[] {
  const parts: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = '', , methods = ''] = /^(.*)── (\S+)( \(([^)]+)\))?/.exec(line) ?? [];
    parts.length = Math.floor(indent.length / 4);
    parts.push(part);
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${parts.join('')}`);
  });
}
