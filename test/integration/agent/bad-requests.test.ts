import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

interface BadRequest {
  readonly title: string;
  readonly method: Method;
  readonly url: string;
  readonly body?: unknown;
  readonly field: string | null;
}

const create = { instance: 'web-1', name: 'golden' };
const launch = { name: 'web-2', image: 'golden' };
const post = (url: string, body: unknown, field: string | null) => ({ method: 'POST' as const, url, body, field });

const patch = (body: unknown, field: string) => ({ method: 'PATCH' as const, url: '/v1/instances/i', body, field });

const PRIVATE_KEY = '-----BEGIN OPENSSH PRIVATE KEY-----';

const BAD_REQUESTS: readonly BadRequest[] = [
  { title: 'an image name that is missing', ...post('/v1/images', { instance: 'web-1' }, 'name') },
  { title: 'an empty image name', ...post('/v1/images', { ...create, name: '' }, 'name') },
  { title: 'a blank image name', ...post('/v1/images', { ...create, name: ' \u3000 ' }, 'name') },
  { title: 'an image name of 256 characters', ...post('/v1/images', { ...create, name: '語'.repeat(256) }, 'name') },
  { title: 'an image name with a newline', ...post('/v1/images', { ...create, name: 'a\nb' }, 'name') },
  { title: 'an image name with a lone surrogate', ...post('/v1/images', { ...create, name: 'a\ud800' }, 'name') },
  { title: 'an image name that is a folder', ...post('/v1/images', { ...create, name: '..' }, 'name') },
  { title: 'an image name that is a number', ...post('/v1/images', { ...create, name: 7 }, 'name') },
  { title: 'an empty instance', ...post('/v1/images', { ...create, instance: '' }, 'instance') },
  { title: 'an unknown consistency', ...post('/v1/images', { ...create, consistency: 'best' }, 'consistency') },
  { title: 'a field that is not known', ...post('/v1/images', { ...create, nmae: 'x' }, 'nmae') },
  {
    title: 'a property key with a blank',
    ...post('/v1/images', { ...create, properties: { 'a b': '1' } }, 'properties.a b'),
  },
  { title: 'an empty property key', ...post('/v1/images', { ...create, properties: { '': '1' } }, 'properties.') },
  {
    title: 'a property value that is a number',
    ...post('/v1/images', { ...create, properties: { a: 1 } }, 'properties.a'),
  },
  {
    title: 'a property value of 256 characters',
    ...post('/v1/images', { ...create, properties: { a: 'x'.repeat(256) } }, 'properties.a'),
  },
  {
    title: 'a reserved property',
    ...post('/v1/images', { ...create, properties: { instance_uuid: 'x' } }, 'properties.instance_uuid'),
  },
  {
    title: 'a signature property',
    ...post(
      '/v1/images',
      { ...create, properties: { img_signature_key_type: 'x' } },
      'properties.img_signature_key_type',
    ),
  },
  {
    title: '129 properties',
    ...post(
      '/v1/images',
      { ...create, properties: Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v'])) },
      'properties',
    ),
  },
  { title: 'properties that are a list', ...post('/v1/images', { ...create, properties: ['a=1'] }, 'properties') },
  { title: 'a body that is a list', ...post('/v1/images', [], null) },
  { title: 'a body that is null', ...post('/v1/images', null, null) },
  { title: 'no body', ...post('/v1/images', undefined, null) },
  { title: 'an import of a relative path', ...post('/v1/images/import', { path: 'x', name: 'n' }, 'path') },
  {
    title: 'an import of an unknown format',
    ...post('/v1/images/import', { path: '/x', name: 'n', format: 'iso' }, 'format'),
  },
  { title: 'an export of a vmdk', ...post('/v1/images/i/export', { path: '/x', format: 'vmdk' }, 'format') },
  { title: 'an expectation without a boot', ...post('/v1/images/i/verify', { expect: 'login:' }, 'expect') },
  { title: 'a negative timeout', ...post('/v1/images/i/verify', { timeoutMs: -1 }, 'timeoutMs') },
  { title: 'an update of nothing', method: 'PATCH', url: '/v1/images/i', body: {}, field: null },
  { title: 'an update of the id', method: 'PATCH', url: '/v1/images/i', body: { id: 'x' }, field: 'id' },
  { title: 'an unknown image type', method: 'GET', url: '/v1/images?type=iso', field: 'type' },
  { title: 'an unknown query', method: 'GET', url: '/v1/images?frob=1', field: 'frob' },
  { title: 'an instance name with a slash', ...post('/v1/instances', { ...launch, name: 'a/b' }, 'name') },
  {
    title: 'an instance name that is too long for a file',
    ...post('/v1/instances', { ...launch, name: '語'.repeat(81) }, 'name'),
  },
  { title: 'an instance name that is a folder', ...post('/v1/instances', { ...launch, name: '.' }, 'name') },
  { title: 'an instance name that ends in a blank', ...post('/v1/instances', { ...launch, name: 'a ' }, 'name') },
  { title: 'a change of nothing', method: 'PATCH', url: '/v1/instances/i', body: {}, field: 'labels' },
  { title: 'no labels', method: 'PATCH', url: '/v1/instances/i', body: { labels: {} }, field: null },
  {
    title: 'a new name',
    method: 'PATCH',
    url: '/v1/instances/i',
    body: { labels: { a: 'b' }, name: 'x' },
    field: 'name',
  },
  { title: 'a label key with a blank', ...patch({ labels: { 'a b': 'c' } }, 'labels.a b') },
  { title: 'a label value of 64 characters', ...patch({ labels: { a: 'x'.repeat(64) } }, 'labels.a') },
  { title: 'a label that is null', ...patch({ labels: { a: null } }, 'labels.a') },
  {
    title: '129 labels',
    ...patch({ labels: Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`k${index}`, 'v'])) }, 'labels'),
  },
  { title: 'a label without a value to list by', method: 'GET', url: '/v1/instances?labels=env', field: 'labels' },
  { title: 'nothing to list by', method: 'GET', url: '/v1/instances?labels=', field: 'labels' },
  { title: 'a label with two values to list by', method: 'GET', url: '/v1/instances?labels=a=b=c', field: 'labels' },
  { title: 'a label twice to list by', method: 'GET', url: '/v1/instances?labels=a=1,a=2', field: 'labels' },
  { title: 'labels twice', method: 'GET', url: '/v1/instances?labels=a=1&labels=b=2', field: 'labels' },
  { title: 'no memory', ...post('/v1/instances', { ...launch, memoryMiB: 0 }, 'memoryMiB') },
  { title: 'half a vcpu', ...post('/v1/instances', { ...launch, vcpus: 0.5 }, 'vcpus') },
  { title: 'a key that is private', ...post('/v1/instances', { ...launch, sshKeys: [PRIVATE_KEY] }, 'sshKeys.0') },
  { title: 'a key that is no key', ...post('/v1/instances', { ...launch, sshKeys: ['ssh-rsa AAAA'] }, 'sshKeys.0') },
  { title: 'a force that is no boolean', method: 'DELETE', url: '/v1/instances/web-1?isForced=yes', field: 'isForced' },
  { title: 'a pause with options', ...post('/v1/instances/web-1/pause', { isForced: true }, 'isForced') },
  { title: 'a stop with a text as timeout', ...post('/v1/instances/web-1/stop', { timeoutMs: '5' }, 'timeoutMs') },
  { title: 'a limit that is no number', method: 'GET', url: '/v1/operations?limit=x', field: 'limit' },
  { title: 'an unknown operation status', method: 'GET', url: '/v1/operations?status=lost', field: 'status' },
  { title: 'a doctor with unknown options', ...post('/v1/doctor', { repair: true }, 'repair') },
];

async function send({ method, url, body }: Pick<BadRequest, 'method' | 'url' | 'body'>) {
  const application = new FakeApplication();
  const payload = { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const request: InjectOptions = { method, url, ...(body === undefined ? {} : payload) };
  return { response: await buildApp({ application }).inject(request), application };
}

describe('requests that are wrong', () => {
  it.each(BAD_REQUESTS)('answers 400 with the field for $title', async ({ field, ...request }) => {
    const { response, application } = await send(request);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code: 'INVALID_REQUEST', fields: { field } });
    expect(application.submitted).toEqual([]);
  });

  it('never repeats a private key in its answer', async () => {
    const { response } = await send(post('/v1/instances', { ...launch, sshKeys: [`${PRIVATE_KEY} s3cret`] }, null));
    expect(response.body).not.toContain('s3cret');
  });

  it.each([
    ['text that is no JSON', { payload: '{', headers: { 'content-type': 'application/json' } }, 400],
    ['an empty JSON body', { payload: '', headers: { 'content-type': 'application/json' } }, 400],
    [
      'a key that would poison prototypes',
      { payload: '{"__proto__":{}}', headers: { 'content-type': 'application/json' } },
      400,
    ],
    ['another media type', { payload: '<a/>', headers: { 'content-type': 'application/xml' } }, 415],
    ['a body of 5 MiB', { payload: `"${'x'.repeat(5 << 20)}"`, headers: { 'content-type': 'application/json' } }, 413],
  ])('answers 4xx with a code for %s', async (_title, options, status) => {
    const app = buildApp({ application: new FakeApplication() });
    const response = await app.inject({ method: 'POST', url: '/v1/images', ...options });
    expect(response.statusCode).toBe(status);
    expect(response.json().error.code).toBe('INVALID_REQUEST');
  });

  it.each<[Method, string, number]>([
    ['GET', '/', 404],
    ['GET', '/v2/images', 404],
    ['POST', '/v1/images/golden/frob', 404],
    ['DELETE', '/v1/images', 404],
    ['GET', '/v1/images/', 400],
    ['GET', '/v1/images/%ff', 400],
    ['GET', `/v1/images/${'x'.repeat(5000)}`, 414],
  ])('answers %s %s with a code', async (method, url, status) => {
    const { response } = await send({ method, url });
    expect(response.statusCode).toBe(status);
    expect(response.json().error.code).toBe(status === 404 ? 'ROUTE_NOT_FOUND' : 'INVALID_REQUEST');
  });
});
