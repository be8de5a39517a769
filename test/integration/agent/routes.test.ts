import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { ERROR_TABLE } from '../../../src/api/error-table.ts';
import { DarkroomError, ERROR_CODES } from '../../../src/model/errors.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';
import { sampleImage, sampleInstance, sampleVolume } from '../../unit/agent/samples.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ5dGVzLXRoYXQtYXJlLW5vLXJlYWwta2V5LWF0LWFsbA me@here';

const WORK = [
  {
    title: 'image create with defaults',
    method: 'POST' as const,
    url: '/v1/images',
    body: { instance: 'web-1', name: '写真 📷' },
    request: {
      kind: 'image.create',
      instance: 'web-1',
      name: '写真 📷',
      consistency: 'auto',
      description: null,
      properties: {},
      isGeneralized: false,
      isEncrypted: false,
    },
  },
  {
    title: 'image import',
    method: 'POST' as const,
    url: '/v1/images/import',
    body: { path: '/srv/x.vmdk', name: 'x', format: 'vmdk', properties: { hw_disk_bus: 'ide' }, description: '' },
    request: {
      kind: 'image.import',
      path: '/srv/x.vmdk',
      name: 'x',
      format: 'vmdk',
      description: null,
      properties: { hw_disk_bus: 'ide' },
    },
  },
  {
    title: 'image export',
    method: 'POST' as const,
    url: '/v1/images/golden/export',
    body: { path: '/srv/x', format: 'raw' },
    request: { kind: 'image.export', image: 'golden', path: '/srv/x', format: 'raw' },
  },
  {
    title: 'image verify without a body',
    method: 'POST' as const,
    url: '/v1/images/golden/verify',
    request: { kind: 'image.verify', image: 'golden', isBooted: false, expect: null, timeoutMs: 300_000 },
  },
  {
    title: 'image delete',
    method: 'DELETE' as const,
    url: `/v1/images/${encodeURIComponent('a/b?c#d% é')}`,
    request: { kind: 'image.delete', image: 'a/b?c#d% é' },
  },
  {
    title: 'image delete for good',
    method: 'DELETE' as const,
    url: '/v1/images/golden?isPurged=true',
    request: { kind: 'image.delete', image: 'golden', isPurged: true },
  },
  {
    title: 'instance launch',
    method: 'POST' as const,
    url: '/v1/instances',
    body: { name: 'web-2', image: 'golden', sshKeys: [KEY], memoryMiB: 512, isStarted: false },
    request: {
      kind: 'instance.launch',
      name: 'web-2',
      image: 'golden',
      memoryMiB: 512,
      vcpus: null,
      clone: null,
      isStarted: false,
      network: null,
      sshKeys: [KEY],
      userData: null,
    },
  },
  {
    title: 'instance delete',
    method: 'DELETE' as const,
    url: '/v1/instances/web-2',
    request: { kind: 'instance.delete', instance: 'web-2', isForced: false },
  },
  {
    title: 'forced instance delete',
    method: 'DELETE' as const,
    url: '/v1/instances/web-2?isForced=true',
    request: { kind: 'instance.delete', instance: 'web-2', isForced: true },
  },
  ...['start', 'pause', 'resume', 'suspend'].map((verb) => ({
    title: `instance ${verb}`,
    method: 'POST' as const,
    url: `/v1/instances/web-1/${verb}`,
    request: { kind: `instance.${verb}`, instance: 'web-1' },
  })),
  ...['stop', 'reboot'].map((verb) => ({
    title: `instance ${verb}`,
    method: 'POST' as const,
    url: `/v1/instances/web-1/${verb}`,
    body: { isForced: true, timeoutMs: 5000 },
    request: { kind: `instance.${verb}`, instance: 'web-1', isForced: true, timeoutMs: 5000 },
  })),
];

describe('routes of work', () => {
  it.each(WORK)('accepts $title with 202, the operation and its place', async ({ method, url, request, ...rest }) => {
    const application = new FakeApplication();
    const payload = 'body' in rest ? { payload: rest.body } : {};
    const response = await buildApp({ application }).inject({ method, url, ...payload });
    expect(response.statusCode).toBe(202);
    expect(application.submitted).toEqual([request]);
    expect(response.headers.location).toBe(`/v1/operations/${response.json().id}`);
  });

  it('finds an image by a name of 255 multibyte characters', async () => {
    const application = new FakeApplication();
    const name = '📷'.repeat(255);
    await buildApp({ application }).inject({ method: 'DELETE', url: `/v1/images/${encodeURIComponent(name)}` });
    expect(application.submitted).toEqual([{ kind: 'image.delete', image: name }]);
  });
});

describe('routes of records', () => {
  it.each([
    ['/v1/images', [sampleImage]],
    ['/v1/images/web-golden', sampleImage],
    ['/v1/instances', [sampleInstance]],
    ['/v1/instances/web-1', sampleInstance],
    ['/v1/volumes', [sampleVolume]],
    [`/v1/volumes/${sampleVolume.id}`, sampleVolume],
    ['/healthz', { status: 'ok' }],
  ])('GET %s answers what the application knows', async (url, expected) => {
    const response = await buildApp({ application: new FakeApplication() }).inject({ url });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual(expected);
  });

  it('passes filters on as the application has them', async () => {
    const application = new FakeApplication();
    const app = buildApp({ application });
    await app.inject({ url: '/v1/images?type=imported' });
    await app.inject({ url: '/v1/volumes?instance=web-1' });
    await app.inject({ url: '/v1/operations?status=running&limit=5' });
    await app.inject({ method: 'POST', url: '/v1/doctor' });
    expect(application.filters).toEqual([
      { type: 'imported' },
      { instance: 'web-1' },
      // one more, to know whether there is a next page
      { status: 'running', limit: 6 },
      { isRepairing: false },
    ]);
  });

  it('passes the filters of every list on', async () => {
    const application = new FakeApplication();
    const app = buildApp({ application });
    const image = {
      type: 'backup',
      name: '写真',
      status: 'active',
      owner: 'ann',
      visibility: 'shared',
      instance: 'i-1',
    };
    const operation = { status: 'failed', kind: 'image.create', target: 'web-1', requestedBy: 'ann' };
    const queries = [
      ['images', image],
      ['instances', { name: 'web-1', state: 'shelved' }],
      ['operations', { ...operation, marker: 'op-1' }],
    ] as const;
    for (const [list, query] of queries) await app.inject({ url: `/v1/${list}`, query });
    expect(application.filters).toEqual(queries.map(([, query]) => query));
  });

  it("passes an image's owner, visibility and members on", async () => {
    const application = new FakeApplication();
    const payload = { owner: 'ann', visibility: 'shared', members: ['bob', 'eve'] };
    const response = await buildApp({ application }).inject({ method: 'PATCH', url: '/v1/images/golden', payload });
    expect(response.statusCode).toBe(200);
    expect(application.updates).toEqual([payload]);
  });

  it("calls an image's protection as the image itself does", async () => {
    const application = new FakeApplication();
    const payload = { protected: true, description: '' };
    await buildApp({ application }).inject({ method: 'PATCH', url: '/v1/images/golden', payload });
    expect(application.updates).toEqual([{ isProtected: true, description: null }]);
  });
});

describe('labels of instances', () => {
  it('are passed on to be changed', async () => {
    const application = new FakeApplication();
    const payload = { labels: { env: 'prod', team: '' } };
    const response = await buildApp({ application }).inject({ method: 'PATCH', url: '/v1/instances/web-1', payload });
    expect([response.statusCode, response.json().labels]).toEqual([200, { env: 'prod' }]);
    expect(application.updates).toEqual([payload]);
  });

  it('are passed on to list by', async () => {
    const application = new FakeApplication();
    await buildApp({ application }).inject({ url: '/v1/instances', query: { labels: 'env=prod,a.b/c=1' } });
    expect(application.filters).toEqual([{ labels: { env: 'prod', 'a.b/c': '1' } }]);
  });
});

describe('failures of the application', () => {
  it.each(ERROR_CODES)('answers %s with the status of the table and its fields', async (code) => {
    const application = new FakeApplication();
    application.failure = new DarkroomError(code, 'it broke', { fields: { what: 'disk' } });
    const response = await buildApp({ application }).inject({ url: '/v1/images' });
    expect(response.statusCode).toBe(ERROR_TABLE[code].httpStatus);
    expect(response.json()).toEqual({ error: { code, message: 'it broke', fields: { what: 'disk' } } });
  });

  it('answers anything else as INTERNAL and logs it with its stack', async () => {
    const logged: unknown[] = [];
    const application = new FakeApplication();
    application.failure = new TypeError('x is not a function');
    const logger = { error: (fields: unknown) => void logged.push(fields) };
    const response = await buildApp({ application, logger }).inject({ url: '/v1/images' });
    expect(response.statusCode).toBe(500);
    expect(response.json().error).toMatchObject({ code: 'INTERNAL', message: 'x is not a function' });
    expect(logged).toEqual([{ err: application.failure, path: '/v1/images' }]);
  });
});
