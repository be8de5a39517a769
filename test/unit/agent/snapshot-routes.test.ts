import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { FakeApplication } from './fake-application.ts';
import { sampleChain, sampleDeletion, sampleQuota, sampleSnapshot } from './samples.ts';

const ID = sampleSnapshot.id;
const create = {
  kind: 'snapshot.create',
  volume: null,
  instance: null,
  description: null,
  consistency: 'auto',
  isFull: false,
  isCompressed: false,
  isEncrypted: false,
};

interface Work {
  readonly method: 'POST' | 'DELETE';
  readonly url: string;
  readonly body?: object;
  readonly request: object;
}

const WORK: readonly Work[] = [
  {
    method: 'POST',
    url: '/v1/snapshots',
    body: { volume: 'web-1/vda' },
    request: { ...create, volume: 'web-1/vda' },
  },
  {
    method: 'POST',
    url: '/v1/snapshots',
    body: {
      instance: 'web-1',
      volume: null,
      description: 'd',
      consistency: 'crash',
      isFull: true,
      isCompressed: true,
      isEncrypted: true,
    },
    request: {
      ...create,
      instance: 'web-1',
      description: 'd',
      consistency: 'crash',
      isFull: true,
      isCompressed: true,
      isEncrypted: true,
    },
  },
  { method: 'DELETE', url: `/v1/snapshots/${ID}`, request: { kind: 'snapshot.delete', snapshot: ID } },
  { method: 'POST', url: `/v1/snapshots/${ID}/restore`, request: { kind: 'snapshot.restore', snapshot: ID } },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/verify`,
    request: { kind: 'snapshot.verify', snapshot: ID, isDeep: false },
  },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/verify`,
    body: { isDeep: true },
    request: { kind: 'snapshot.verify', snapshot: ID, isDeep: true },
  },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/export`,
    body: { path: '/srv/x' },
    request: { kind: 'snapshot.export', snapshot: ID, path: '/srv/x' },
  },
  {
    method: 'POST',
    url: '/v1/snapshots/import',
    body: { path: '/srv/x' },
    request: { kind: 'snapshot.import', path: '/srv/x' },
  },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/copy`,
    body: { store: '/mnt/offsite' },
    request: { kind: 'snapshot.copy', snapshot: ID, store: '/mnt/offsite' },
  },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/mount`,
    request: { kind: 'snapshot.mount', snapshot: ID, directory: null },
  },
  {
    method: 'POST',
    url: `/v1/snapshots/${ID}/mount`,
    body: { directory: '/mnt' },
    request: { kind: 'snapshot.mount', snapshot: ID, directory: '/mnt' },
  },
  {
    method: 'POST',
    url: '/v1/volumes',
    body: { snapshot: ID },
    request: { kind: 'volume.create', snapshot: ID, path: null, clone: 'full', format: 'qcow2' },
  },
  {
    method: 'POST',
    url: '/v1/volumes',
    body: { snapshot: ID, path: '/srv/x.raw', clone: 'full', format: 'raw' },
    request: { kind: 'volume.create', snapshot: ID, path: '/srv/x.raw', clone: 'full', format: 'raw' },
  },
  {
    method: 'POST',
    url: '/v1/images',
    body: { fromSnapshot: ID, name: 'monday', description: 'd', properties: { os_distro: 'debian' } },
    request: {
      kind: 'image.from-snapshot',
      snapshot: ID,
      name: 'monday',
      description: 'd',
      properties: { os_distro: 'debian' },
      isEncrypted: false,
    },
  },
];

describe('routes of work on snapshots', () => {
  it.each(WORK)('$method $url $body is accepted as $request.kind', async ({ method, url, body, request }) => {
    const application = new FakeApplication();
    const payload = body === undefined ? {} : { payload: body };
    const response = await buildApp({ application }).inject({ method, url, ...payload });
    expect(response.statusCode).toBe(202);
    expect(application.submitted).toEqual([request]);
    expect(response.headers.location).toBe(`/v1/operations/${response.json().id}`);
  });

  it.each([
    ['/v1/snapshots', {}, 'volume'],
    ['/v1/snapshots', { volume: 'a', instance: 'b' }, 'volume'],
    ['/v1/snapshots', { volume: 'a', consistency: 'best' }, 'consistency'],
    [`/v1/snapshots/${ID}/export`, { path: 'relative' }, 'path'],
    [`/v1/snapshots/${ID}/mount`, { directory: 'relative' }, 'directory'],
    [`/v1/snapshots/${ID}/copy`, {}, 'store'],
    ['/v1/volumes', { snapshot: ID, clone: 'thin', format: 'raw' }, 'format'],
    ['/v1/images', { name: 'x' }, 'instance'],
    ['/v1/images', { name: 'x', instance: 'a', fromSnapshot: ID }, 'instance'],
    ['/v1/images', { name: 'x', fromSnapshot: ID, consistency: 'paused' }, 'consistency'],
    ['/v1/images', { name: 'x', fromSnapshot: ID, isGeneralized: true }, 'isGeneralized'],
  ])('POST %s %j is refused for its %s', async (url, payload, field) => {
    const application = new FakeApplication();
    const response = await buildApp({ application }).inject({ method: 'POST', url, payload });
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'INVALID_REQUEST']);
    expect(response.json().error.fields.field).toBe(field);
    expect(application.submitted).toEqual([]);
  });
});

describe('routes of records of snapshots', () => {
  it.each([
    ['/v1/snapshots', [sampleSnapshot]],
    [`/v1/snapshots/${ID}`, sampleSnapshot],
    [`/v1/snapshots/${ID}/chain`, sampleChain],
    ['/v1/quota', sampleQuota],
  ])('GET %s answers what the application knows', async (url, expected) => {
    const response = await buildApp({ application: new FakeApplication() }).inject({ url });
    expect([response.statusCode, response.json()]).toEqual([200, expected]);
  });

  it('passes the filters of the list on', async () => {
    const application = new FakeApplication();
    const app = buildApp({ application });
    await app.inject({ url: '/v1/snapshots', query: { volume: 'web-1/vda', instance: 'web-1' } });
    expect(application.filters).toEqual([{ volume: 'web-1/vda', instance: 'web-1' }]);
  });

  it('plans a delete and does nothing', async () => {
    const application = new FakeApplication();
    const url = `/v1/snapshots/${ID}/plan-delete`;
    const response = await buildApp({ application }).inject({ method: 'POST', url });
    expect([response.statusCode, response.json()]).toEqual([200, sampleDeletion]);
    expect(application.submitted).toEqual([]);
  });
});

describe('shares', () => {
  const share = async (payload?: object) => {
    const application = new FakeApplication();
    const url = `/v1/snapshots/${ID}/shares/anna`;
    const body = payload === undefined ? {} : { payload };
    const { statusCode, ...response } = await buildApp({ application }).inject({ method: 'PUT', url, ...body });
    return { statusCode, json: response.json(), shares: application.shares };
  };

  it.each([
    [undefined, null],
    [{}, null],
    [{ expiresAt: null }, null],
    [{ expiresAt: '2030-01-31T12:00:00+02:00' }, '2030-01-31T10:00:00.000Z'],
  ])('with %j last until %s', async (payload, expiresAt) => {
    const { statusCode, json, shares } = await share(payload);
    expect([statusCode, json]).toEqual([200, sampleSnapshot]);
    expect(shares).toEqual([{ principal: 'anna', expiresAt }]);
  });

  it.each(['7d', '2030-01-31', '2030-01-31T12:00:00', ''])('until %j are refused', async (expiresAt) => {
    const { statusCode, shares } = await share({ expiresAt });
    expect([statusCode, shares]).toEqual([400, []]);
  });

  it('are taken back', async () => {
    const application = new FakeApplication();
    const url = `/v1/snapshots/${ID}/shares/anna`;
    const response = await buildApp({ application }).inject({ method: 'DELETE', url });
    expect([response.statusCode, response.json()]).toEqual([200, sampleSnapshot]);
    expect(application.shares).toEqual([{ principal: 'anna', expiresAt: 'never' }]);
  });

  it('are of principals that may be', async () => {
    const url = `/v1/snapshots/${ID}/shares/${encodeURIComponent('a b')}`;
    const response = await buildApp({ application: new FakeApplication() }).inject({ method: 'PUT', url });
    expect(response.statusCode).toBe(400);
  });
});
