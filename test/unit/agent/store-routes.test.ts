import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { authorise } from '../../../src/agent/authorise.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import type { ApiRequest } from '../../../src/api/transport.ts';
import { FakeApplication } from './fake-application.ts';
import { sampleFinding, sampleStore, sampleStoreStatus } from './samples.ts';

function open() {
  const application = new FakeApplication();
  const app = buildApp({ application });
  const sent: ApiRequest[] = [];
  const transport = createInjectTransport(app);
  const client = createClient({
    send: (request) => {
      sent.push(request);
      return transport.send(request);
    },
  });
  return { application, app, client, sent };
}

describe('routes of stores', () => {
  it('answers what the configuration names', async () => {
    expect(await open().client.stores.list()).toEqual([sampleStore]);
  });

  it.each([undefined, 'default'])('tells what is in %s, and what is wrong there', async (store) => {
    const { client } = open();
    expect(await client.stores.status(store)).toEqual([sampleStoreStatus]);
    expect(await client.stores.check(store)).toEqual([sampleFinding]);
  });

  it.each([
    [undefined, {}, { store: null, olderThanMs: 86_400_000, isDryRun: false }],
    ['default', { olderThanSeconds: 0, isDryRun: true }, { store: 'default', olderThanMs: 0, isDryRun: true }],
  ])('collects the garbage of %s with %j', async (store, body, request) => {
    const { client, application } = open();
    expect(await client.stores.collectGarbage(body, store)).toEqual([sampleFinding]);
    expect(application.filters).toEqual([request]);
  });

  it('collects garbage as usual without a body', async () => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url: '/v1/stores/gc' });
    expect(response.statusCode).toBe(200);
    expect(application.filters).toEqual([{ store: null, olderThanMs: 86_400_000, isDryRun: false }]);
  });

  it.each(['a/b', 'glance:lab', '..'])('answers STORE_NOT_FOUND for %s, which nothing is called', async (store) => {
    const { stores } = open().client;
    for (const asked of [stores.status(store), stores.check(store), stores.collectGarbage({}, store)]) {
      await expect(asked).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
    }
  });

  it('waits as long as a store takes', async () => {
    const { client, sent } = open();
    await client.stores.list();
    await client.stores.status();
    await client.stores.check('default');
    expect(sent.map(({ isSlow }) => isSlow)).toEqual([undefined, true, true]);
  });

  it.each([
    [{ olderThanSeconds: -1 }, 'olderThanSeconds'],
    [{ olderThanSeconds: 1.5 }, 'olderThanSeconds'],
    [{ isDryRun: 'yes' }, 'isDryRun'],
    [{ dryRun: true }, 'dryRun'],
  ])('refuses the collection %j', async (payload, field) => {
    const response = await open().app.inject({ method: 'POST', url: '/v1/stores/default/gc', payload });
    expect([response.statusCode, response.json().error.fields]).toEqual([400, { field }]);
  });

  it.each([
    ['GET', '/v1/stores'],
    ['GET', '/v1/stores/status'],
    ['GET', '/v1/stores/default/status'],
    ['GET', '/v1/stores/check'],
    ['GET', '/v1/stores/default/check'],
    ['POST', '/v1/stores/gc'],
    ['POST', '/v1/stores/default/gc'],
  ] as const)('lets nobody but an admin do %s %s', async (method, url) => {
    const caller = { name: 'ann', role: 'operator', isTrustedWithPaths: false } as const;
    const app = buildApp({
      application: new FakeApplication(),
      extend: (extended) => extended.addHook('onRequest', async (request) => authorise(request, caller)),
    });
    const response = await app.inject({ method, url });
    expect([response.statusCode, response.json().error.code]).toEqual([403, 'FORBIDDEN']);
  });
});

const copy = { kind: 'image.copy', image: 'golden', from: null, to: null };
const push = { kind: 'image.push', image: 'golden', service: 'lab', name: null, disk: null, visibility: null };

describe('routes that bring images from one place to another', () => {
  it.each([
    ['/v1/images/golden/copy', { to: 'ceph' }, { ...copy, to: 'ceph' }],
    ['/v1/images/golden/copy', { from: '/mnt/x' }, { ...copy, from: '/mnt/x' }],
    ['/v1/images/golden/copy', { from: 's3://abc/b/', to: 'ceph' }, { ...copy, from: 's3://abc/b', to: 'ceph' }],
    ['/v1/images/golden/push', { service: 'lab' }, push],
    [
      '/v1/images/golden/push',
      { service: 'glance:lab', name: '写真', disk: 'vda', visibility: 'public' },
      { ...push, name: '写真', disk: 'vda', visibility: 'public' },
    ],
    [
      '/v1/images/pull',
      { service: 'glance:lab', image: 'debian 12' },
      { kind: 'image.pull', service: 'lab', image: 'debian 12', name: null },
    ],
    [
      '/v1/images/pull',
      { service: 'lab', image: 'x', name: 'y' },
      { kind: 'image.pull', service: 'lab', image: 'x', name: 'y' },
    ],
  ])('accepts %s with %j', async (url, payload, request) => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url, payload });
    expect(response.statusCode).toBe(202);
    expect(application.submitted).toEqual([request]);
    expect(response.headers.location).toBe(`/v1/operations/${response.json().id}`);
  });

  it.each([
    ['/v1/images/golden/copy', {}, 'to'],
    ['/v1/images/golden/copy', { to: 'mnt/x' }, 'to'],
    ['/v1/images/golden/copy', { to: 'glance:lab' }, 'to'],
    ['/v1/images/golden/copy', { from: '' }, 'from'],
    ['/v1/images/golden/copy', { from: 's3://abc/../x' }, 'from'],
    ['/v1/images/golden/push', {}, 'service'],
    ['/v1/images/golden/push', { service: 'glance:' }, 'service'],
    ['/v1/images/golden/push', { service: 'http://glance' }, 'service'],
    ['/v1/images/golden/push', { service: 'lab', visibility: 'community' }, 'visibility'],
    ['/v1/images/pull', { service: 'lab' }, 'image'],
    ['/v1/images/pull', { service: 'lab', image: 'x', name: '..' }, 'name'],
    [`/v1/snapshots/${'7'.repeat(36)}/copy`, { store: './x' }, 'store'],
  ])('refuses %s with %j', async (url, payload, field) => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url, payload });
    expect([response.statusCode, response.json().error.fields]).toEqual([400, { field }]);
    expect(application.submitted).toEqual([]);
  });

  it.each(['ceph', 's3://images/other', '/mnt/offsite'])('copies snapshots to %s', async (store) => {
    const { client, application } = open();
    await client.snapshots.copy('7c6b5a49', { store });
    expect(application.submitted).toEqual([{ kind: 'snapshot.copy', snapshot: '7c6b5a49', store }]);
  });

  it('tells what a push made', async () => {
    const { client } = open();
    const { id } = await client.images.push('golden', { service: 'lab' });
    for await (const { result, status } of client.operations.watch(id)) {
      if (status === 'succeeded') expect(result.serviceImageId).toBe('5e7f1a2b-0000-4000-8000-00000000aaaa');
    }
    expect.assertions(1);
  });
});
