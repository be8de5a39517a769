import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ImageServiceOptions } from '../../../../src/drivers/glance/create-image-services.ts';
import { createAuthority } from '../../../support/certificates.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { hangUp, json, type ScriptedService, serveScript, text, tokenJson } from './scripted-service.ts';

const LIST = 'GET /v2/images?limit=1';
const SIGN_IN = 'POST /v3/auth/tokens';
const SECRET = 'Correct Horse Battery';
let service: ScriptedService;

beforeEach(async () => {
  service = await serveScript();
  service.on(LIST, json({ images: [] }));
  service.on(SIGN_IN, json(tokenJson(service.url), 201, { 'x-subject-token': 'token-1' }));
});

afterEach(() => service.close());

function byPassword(changes: Partial<ImageServiceOptions> = {}): Partial<ImageServiceOptions> {
  return {
    endpoint: null,
    auth: {
      kind: 'password',
      authUrl: service.url,
      username: 'demo',
      userDomain: 'Default',
      passwordFile: service.secretFile(`${SECRET}\n`),
      project: 'work',
      projectDomain: 'Other',
    },
    ...changes,
  };
}

function count(request: string): number {
  return service.seen.filter(({ method, url }) => `${method} ${url}` === request).length;
}

it('signs in once, scoped to the project, and uses the token until it is about to expire', async () => {
  const glance = service.open(byPassword());
  await glance.check();
  await glance.check();
  expect(count(SIGN_IN)).toBe(1);
  expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
    auth: {
      identity: {
        methods: ['password'],
        password: { user: { name: 'demo', domain: { name: 'Default' }, password: SECRET } },
      },
      scope: { project: { name: 'work', domain: { name: 'Other' } } },
    },
  });
  expect(service.seen.slice(1).map(({ headers }) => headers['x-auth-token'])).toEqual(['token-1', 'token-1']);
});

it('takes a new token when the old one has little time left', async () => {
  const brief = tokenJson(service.url, { expires_at: '2024-03-01T12:00:00.020000Z' });
  service.on(SIGN_IN, json(brief, 201, { 'x-subject-token': 'brief' }));
  const glance = service.open(byPassword());
  await glance.check();
  await new Promise((resolve) => setTimeout(resolve, 30));
  await glance.check();
  expect(count(SIGN_IN)).toBe(2);
});

it('renews a token that is refused, once', async () => {
  service.on(
    SIGN_IN,
    json(tokenJson(service.url), 201, { 'x-subject-token': 'revoked' }),
    json(tokenJson(service.url), 201, { 'x-subject-token': 'fresh' }),
  );
  service.on(LIST, (response, { headers }) => {
    response.writeHead(headers['x-auth-token'] === 'fresh' ? 200 : 401).end('{"images":[]}');
  });
  const glance = service.open(byPassword());
  await glance.check();
  expect(count(SIGN_IN)).toBe(2);
  service.on(LIST, text(401));
  await expectFailure(glance.check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(count(SIGN_IN)).toBe(3);
});

it('names user, project and address when the password is wrong, and never the password', async () => {
  service.on(SIGN_IN, json({ error: { code: 401, message: `no such user with ${SECRET}` } }, 401));
  const failure = await expectFailure(service.open(byPassword()).check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(failure.message).toContain('the user demo (domain Default) for the project work (domain Other)');
  expect(failure.message).toContain(service.url);
  expect(JSON.stringify([failure.message, failure.cause ?? null])).not.toContain(SECRET);
});

it('signs in with an application credential, which has its project in itself', async () => {
  const auth = {
    kind: 'application_credential',
    authUrl: `${service.url}/v3/`,
    id: 'abc',
    secretFile: service.secretFile(SECRET),
  } as const;
  await service.open({ endpoint: null, auth }).check();
  expect(JSON.parse(service.seen[0]?.body ?? '')).toEqual({
    auth: { identity: { methods: ['application_credential'], application_credential: { id: 'abc', secret: SECRET } } },
  });
});

it('does not use a secret that others can read, nor an empty one', async () => {
  const known = byPassword().auth;
  if (known?.kind !== 'password') throw new Error('a password is expected');
  const open = { ...known, passwordFile: service.secretFile(SECRET, 0o644) };
  const failure = await expectFailure(service.open(byPassword({ auth: open })).check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(failure.message).toMatch(/glance\.main\.password_file: .* is open to others \(mode 0644\)/);
  const empty = { ...known, passwordFile: service.secretFile('\n', 0o400) };
  await expectFailure(service.open(byPassword({ auth: empty })).check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(service.seen).toEqual([]);
});

const PLACES = [
  { interface: 'public', region_id: 'one', url: 'http://127.0.0.1:1' },
  { interface: 'public', region_id: 'two', url: 'HERE/v2/' },
  { interface: 'internal', region_id: 'one', url: 'HERE' },
];

it.each([
  ['region', { region: 'two' }],
  ['interface', { interface: 'internal' }],
] as const)('finds the endpoint of the catalogue by %s', async (_, changes) => {
  offer(PLACES);
  await service.open(byPassword(changes)).check();
  expect(count(LIST)).toBe(1);
});

it.each([
  ['several regions', PLACES, {}, 'one, two: set region'],
  ['another interface only', PLACES, { interface: 'admin' }, 'public in one, public in two, internal in one'],
  ['another region only', PLACES, { region: 'three' }, 'in the region three'],
  ['no image service', [], {}, 'identity'],
] as const)('says what the catalogue has where it has %s', async (_, places, changes, words) => {
  offer(places);
  const failure = await expectFailure(service.open(byPassword(changes)).check(), 'IMAGE_SERVICE_UNUSABLE');
  expect(failure.message).toContain(words);
});

function offer(places: readonly { readonly url: string }[]): void {
  const endpoints = places.map((place) => ({ ...place, url: place.url.replace('HERE', service.url) }));
  const catalog = [
    { type: 'identity', endpoints: [{ interface: 'public', region: 'one', url: service.url }] },
    ...(places.length > 0 ? [{ type: 'image', endpoints }] : []),
  ];
  service.on(SIGN_IN, json(tokenJson('', { catalog }), 201, { 'x-subject-token': 'token-1' }));
}

it('needs no identity service where there is an endpoint and nobody to be', async () => {
  for (const suffix of ['', '/', '/v2', '/v2/', '/v2.9'])
    await service.open({ endpoint: `${service.url}${suffix}` }).check();
  expect(count(LIST)).toBe(5);
  expect(service.seen.length).toBe(5);
  expect(service.seen[0]?.headers).not.toHaveProperty('x-auth-token');
});

it('believes an authority that it is told of, and otherwise says at once whose certificate it is not', async () => {
  const authority = createAuthority('Private Cloud');
  const secured = createServer(authority.sign('/CN=localhost'), (_request, response) => response.end('{"images":[]}'));
  try {
    await new Promise<void>((resolve) => secured.listen(0, '127.0.0.1', resolve));
    const address = secured.address();
    const endpoint = `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
    const ca = path.join(service.folder, 'ca.pem');
    writeFileSync(ca, authority.cert);
    await service.open({ endpoint, ca }).check();
    const failure = await expectFailure(service.open({ endpoint }).find('x'), 'IMAGE_SERVICE_UNUSABLE');
    expect(failure.message).toMatch(/certificate.*Look at endpoint and ca of glance\.main/);
    const missing = service.open({ endpoint, ca: path.join(service.folder, 'none.pem') });
    expect((await expectFailure(missing.check(), 'IMAGE_SERVICE_UNUSABLE')).message).toContain('glance.main.ca');
  } finally {
    secured.close();
    authority.dispose();
  }
});

it('is patient with an identity service as with an image service', async () => {
  service.on(SIGN_IN, hangUp, text(503), json(tokenJson(service.url), 201, { 'x-subject-token': 'token-1' }));
  service.on('GET /v2/images/7a0d7b86-2a53-4f3a-8f0e-a2b4b7a0c001', text(404));
  await service.open(byPassword()).delete('7a0d7b86-2a53-4f3a-8f0e-a2b4b7a0c001');
  expect(count(SIGN_IN)).toBe(3);
});
