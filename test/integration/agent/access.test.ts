import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  CALLERS,
  createWorld,
  IMAGES,
  INSTANCES,
  OPERATIONS,
  SHELVED,
  type World,
  type WorldCaller,
} from '../../support/access-world.ts';
import type { Sent } from '../../support/served-host.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});
afterEach(async () => {
  await world.dispose();
});

type Statuses = readonly [ann: number, bob: number, rita: number, boss: number, root: number];

function itAnswers(rows: readonly (readonly [string, Statuses])[], toRequest: (name: string) => readonly Sent[]): void {
  it.each(rows)('%s', async (name, statuses) => {
    for (const request of toRequest(name)) {
      const seen: number[] = [];
      for (const caller of CALLERS) {
        const response = await world.send(caller, request);
        seen.push(response.statusCode);
        if (response.statusCode >= 400) expectNoLeak(caller, response.body, request);
      }
      expect({ request, seen }).toEqual({ request, seen: statuses });
    }
  });
}

const SECRETS: Readonly<Record<string, readonly string[]>> = {
  bob: ['ann-private', IMAGES['ann-private'], INSTANCES.anns, SHELVED['ann-shelved'], OPERATIONS.ann, OPERATIONS.root],
  rita: ['ann-private', IMAGES['ann-private'], INSTANCES.anns, SHELVED['ann-shelved'], INSTANCES.bobs],
};

/** A refusal names nothing that was not named in the request. */
function expectNoLeak(caller: WorldCaller, body: string, request: Sent): void {
  const asked = JSON.stringify(request);
  const leaked = (SECRETS[caller ?? ''] ?? []).filter((secret) => body.includes(secret) && !asked.includes(secret));
  expect({ request, leaked }).toEqual({ request, leaked: [] });
}

const get = (url: string): Sent => ({ method: 'GET', url });
const post = (url: string, body?: object): Sent => ({ method: 'POST', url, ...(body === undefined ? {} : { body }) });

const idOf: Readonly<Record<string, string>> = { ...IMAGES, ...INSTANCES, ...SHELVED };
const byNameAndId = (name: string) => [name, idOf[name] ?? ''];

describe('looking at an image', () => {
  itAnswers(
    [
      ['ann-private', [200, 404, 404, 200, 200]],
      ['ann-shared', [200, 200, 200, 200, 200]],
      ['ann-public', [200, 200, 200, 200, 200]],
      ['root-private', [404, 404, 404, 200, 200]],
      ['hosts-own', [404, 404, 404, 200, 200]],
    ],
    (name) => byNameAndId(name).map((image) => get(`/v1/images/${image}`)),
  );

  it('shows with whom it is shared to its owner alone', async () => {
    const members = async (caller: WorldCaller) =>
      (await world.send(caller, get('/v1/images/ann-shared'))).json<{ members: string[] }>().members;
    expect(await members('ann')).toEqual(['bob', 'rita']);
    expect(await members('bob')).toEqual(['bob']);
    expect(await members(null)).toEqual(['bob', 'rita']);
    const [listed] = (await world.send('rita', get('/v1/images?name=ann-shared'))).json<{ members: string[] }[]>();
    expect(listed?.members).toEqual(['rita']);
  });
});

describe('changing an image', () => {
  itAnswers(
    [
      ['ann-private', [200, 404, 403, 200, 200]],
      ['ann-shared', [200, 403, 403, 200, 200]],
      ['ann-public', [200, 403, 403, 200, 200]],
      ['root-private', [404, 404, 403, 200, 200]],
    ],
    (name) =>
      byNameAndId(name).map((image) => ({ method: 'PATCH', url: `/v1/images/${image}`, body: { description: 'x' } })),
  );

  it('lets an owner share an image, and take it back', async () => {
    const patch = (body: object): Sent => ({ method: 'PATCH', url: '/v1/images/ann-private', body });
    const bobSees = async () => (await world.send('bob', get(`/v1/images/${IMAGES['ann-private']}`))).statusCode;
    await world.send('ann', patch({ visibility: 'shared', members: ['bob'] }));
    expect(await bobSees()).toBe(200);
    await world.send('ann', patch({ members: [] }));
    expect(await bobSees()).toBe(404);
    await world.send('ann', patch({ visibility: 'public' }));
    expect(await bobSees()).toBe(200);
  });

  it('lets only an admin give an image to another owner', async () => {
    const give: Sent = { method: 'PATCH', url: `/v1/images/${IMAGES['ann-private']}`, body: { owner: 'bob' } };
    expect((await world.send('ann', give)).statusCode).toBe(403);
    expect((await world.send('boss', give)).statusCode).toBe(200);
    expect((await world.send('ann', get(`/v1/images/${IMAGES['ann-private']}`))).statusCode).toBe(404);
    expect((await world.send('bob', get(`/v1/images/${IMAGES['ann-private']}`))).statusCode).toBe(200);
  });
});

describe('work on an image that is not the own', () => {
  it.each(['ann-private', IMAGES['ann-private'], 'root-private', IMAGES['hosts-own']])(
    'is 404 for %s, whatever the work',
    async (image) => {
      for (const request of [
        post(`/v1/images/${image}/verify`),
        post(`/v1/images/${image}/export`, { path: '/srv/x' }),
        { method: 'DELETE', url: `/v1/images/${image}` } as const,
        post('/v1/instances', { name: 'new', image }),
      ]) {
        const response = await world.send('bob', request);
        expect([request.url, response.statusCode, response.json().error.code]).toEqual([
          request.url,
          404,
          'IMAGE_NOT_FOUND',
        ]);
      }
    },
  );

  it.each(['ann-shared', 'ann-public'])('is 403 for %s where it would change it', async (image) => {
    for (const request of [
      post(`/v1/images/${image}/verify`),
      { method: 'DELETE', url: `/v1/images/${image}` } as const,
    ]) {
      expect((await world.send('bob', request)).json().error.code).toBe('FORBIDDEN');
    }
  });

  it('is nothing for a reader', async () => {
    for (const request of [
      post('/v1/images', { instance: 'hosts', name: 'x' }),
      post('/v1/images/import', { path: '/srv/x', name: 'x' }),
      post('/v1/images/ann-public/verify'),
      post('/v1/images/ann-public/export', { path: '/srv/x' }),
      post('/v1/instances', { name: 'new', image: 'ann-public' }),
    ]) {
      const { error } = (await world.send('rita', request)).json();
      expect(error).toMatchObject({ code: 'FORBIDDEN', fields: { role: 'reader', needed: 'operator' } });
    }
  });
});

describe('instances', () => {
  itAnswers(
    [
      ['anns', [200, 404, 404, 200, 200]],
      ['bobs', [404, 200, 404, 200, 200]],
      ['hosts', [200, 200, 200, 200, 200]],
      ['ann-shelved', [200, 404, 404, 200, 200]],
      ['bob-shelved', [404, 200, 404, 200, 200]],
    ],
    (name) => byNameAndId(name).map((instance) => get(`/v1/instances/${instance}`)),
  );

  const relabel = (instance: string): Sent => ({
    method: 'PATCH',
    url: `/v1/instances/${instance}`,
    body: { labels: { env: 'prod' } },
  });

  itAnswers(
    [
      ['anns', [200, 404, 403, 200, 200]],
      ['bobs', [404, 200, 403, 200, 200]],
      ['hosts', [200, 200, 403, 200, 200]],
      ['ann-shelved', [409, 404, 403, 409, 409]],
    ],
    (name) => byNameAndId(name).map(relabel),
  );

  it('are found by their labels by those who may see them', async () => {
    for (const name of ['anns', 'hosts']) await world.send(null, relabel(name));
    const names = async (caller: WorldCaller) =>
      (await world.send(caller, get('/v1/instances?labels=env=prod')))
        .json<{ name: string }[]>()
        .map(({ name }) => name);
    expect(await names('bob')).toEqual(['bob-shelved', 'hosts']);
    expect(await names('ann')).toEqual(['ann-shelved', 'anns', 'hosts']);
  });

  const verbs = ['start', 'pause', 'resume', 'suspend', 'stop', 'reboot', 'shelve', 'offload', 'unshelve'] as const;

  it.each(verbs)('of others cannot be worked on: %s', async (verb) => {
    for (const instance of ['anns', INSTANCES.anns, 'ann-shelved', SHELVED['ann-shelved']]) {
      const request = post(`/v1/instances/${instance}/${verb}`);
      const response = await world.send('bob', request);
      expect([instance, response.statusCode, response.json().error.code]).toEqual([
        instance,
        404,
        'INSTANCE_NOT_FOUND',
      ]);
      expectNoLeak('bob', response.body, request);
      expect((await world.send('rita', request)).json().error.code).toBe('FORBIDDEN');
    }
  });

  it.each(['anns', INSTANCES.anns, 'ann-shelved', SHELVED['ann-shelved']])(
    'of others cannot be deleted nor captured: %s',
    async (instance) => {
      const deletion = await world.send('bob', { method: 'DELETE', url: `/v1/instances/${instance}?isForced=true` });
      expect([deletion.statusCode, deletion.json().error.code]).toEqual([404, 'INSTANCE_NOT_FOUND']);
      const capture = await world.send('bob', post('/v1/images', { instance, name: 'loot' }));
      expect([capture.statusCode, capture.json().error.code]).toEqual([404, 'INSTANCE_NOT_FOUND']);
    },
  );

  it('are worked on by their owner, and those of the host by every operator', async () => {
    expect((await world.send('ann', post('/v1/instances/anns/pause'))).statusCode).toBe(202);
    expect((await world.send('bob', post('/v1/instances/hosts/pause'))).statusCode).toBe(202);
    expect((await world.send('boss', post('/v1/instances/bobs/pause'))).statusCode).toBe(202);
  });
});

describe('lists', () => {
  const names = async (caller: WorldCaller, url: string) =>
    (await world.send(caller, get(url)))
      .json<{ name: string }[]>()
      .map(({ name }) => name)
      .sort();

  it('of images hide what may not be seen', async () => {
    expect(await names('ann', '/v1/images')).toEqual(['ann-private', 'ann-public', 'ann-shared']);
    expect(await names('bob', '/v1/images')).toEqual(['ann-public', 'ann-shared']);
    expect(await names('bob', '/v1/images?owner=ann')).toEqual(['ann-public', 'ann-shared']);
    expect(await names('bob', '/v1/images?name=ann-private')).toEqual([]);
    expect(await names('boss', '/v1/images')).toHaveLength(5);
    expect(await names(null, '/v1/images')).toHaveLength(5);
  });

  it('of images know no marker that may not be seen', async () => {
    const response = await world.send('bob', get(`/v1/images?marker=${IMAGES['ann-private']}`));
    expect(response.statusCode).toBe(400);
  });

  it('of instances hide what may not be seen', async () => {
    expect(await names('ann', '/v1/instances')).toEqual(['ann-shelved', 'anns', 'hosts']);
    expect(await names('bob', '/v1/instances')).toEqual(['bob-shelved', 'bobs', 'hosts']);
    expect(await names('rita', '/v1/instances')).toEqual(['hosts']);
    expect(await names('bob', '/v1/instances?name=anns')).toEqual([]);
    expect(await names(null, '/v1/instances')).toHaveLength(5);
  });

  it('of volumes hide what may not be seen', async () => {
    const volumes = async (caller: WorldCaller) =>
      (await world.send(caller, get('/v1/volumes'))).json<{ id: string; instanceName: string }[]>();
    const instances = async (caller: WorldCaller) => (await volumes(caller)).map(({ instanceName }) => instanceName);
    expect(await instances('ann')).toEqual(['anns', 'hosts']);
    expect(await instances('rita')).toEqual(['hosts']);
    expect(await instances(null)).toEqual(['anns', 'bobs', 'hosts']);
    const [anns] = await volumes('ann');
    expect((await world.send('ann', get(`/v1/volumes/${anns?.id}`))).statusCode).toBe(200);
    expect((await world.send('bob', get(`/v1/volumes/${anns?.id}`))).json().error.code).toBe('VOLUME_NOT_FOUND');
    for (const instance of ['anns', INSTANCES.anns]) {
      const response = await world.send('bob', get(`/v1/volumes?instance=${instance}`));
      expect(response.json().error.code).toBe('INSTANCE_NOT_FOUND');
    }
  });
});

describe('operations', () => {
  const ids = async (caller: WorldCaller, query = '') =>
    (await world.send(caller, get(`/v1/operations${query}`)))
      .json<{ id: string }[]>()
      .map(({ id }) => id)
      .sort();

  it('are listed to whoever asked for them, and to admins', async () => {
    expect(await ids('ann')).toEqual(['op-ann']);
    expect(await ids('bob')).toEqual(['op-bob']);
    expect(await ids('rita')).toEqual([]);
    expect(await ids('boss')).toEqual(['op-ann', 'op-bob', 'op-root']);
    expect(await ids(null)).toEqual(['op-ann', 'op-bob', 'op-root']);
  });

  it('of somebody else are no answer to a filter for them', async () => {
    expect(await ids('bob', '?requestedBy=ann')).toEqual([]);
    expect(await ids('bob', '?requestedBy=bob')).toEqual(['op-bob']);
    expect(await ids('boss', '?requestedBy=ann')).toEqual(['op-ann']);
  });

  it('of somebody else are no place to go on from', async () => {
    const response = await world.send('bob', get('/v1/operations?marker=op-ann'));
    expect([response.statusCode, response.json().error.code]).toEqual([404, 'OPERATION_NOT_FOUND']);
  });

  it.each(['', '/events'])('of somebody else are not there: GET %s', async (rest) => {
    for (const caller of ['bob', 'rita'] as const) {
      const response = await world.send(caller, get(`/v1/operations/op-ann${rest}`));
      expect([response.statusCode, response.json().error.code]).toEqual([404, 'OPERATION_NOT_FOUND']);
    }
  });

  it('of somebody else cannot be cancelled', async () => {
    const response = await world.send('bob', post('/v1/operations/op-ann/cancel'));
    expect([response.statusCode, response.json().error.code]).toEqual([404, 'OPERATION_NOT_FOUND']);
    expect((await world.core.journal.read('op-ann')).isCancelRequested).toBe(false);
    expect((await world.send('ann', post('/v1/operations/op-ann/cancel'))).statusCode).toBe(200);
    expect((await world.send('boss', post('/v1/operations/op-bob/cancel'))).statusCode).toBe(200);
  });
});

describe('what is for admins', () => {
  it.each<Sent>([
    get('/v1/principals'),
    post('/v1/principals', { name: 'eve', role: 'admin' }),
    post('/v1/principals/boss/token'),
    { method: 'DELETE', url: '/v1/principals/boss' },
    post('/v1/doctor', { isRepairing: true }),
  ])('is 403 for everybody else: $method $url', async (request) => {
    for (const caller of ['ann', 'rita'] as const) {
      expect((await world.send(caller, request)).json().error.code).toBe('FORBIDDEN');
    }
  });

  it.each(['root', 'anonymous', 'boss'])('makes nobody who is called %s', async (name) => {
    const response = await world.send('boss', post('/v1/principals', { name, role: 'reader' }));
    expect(response.json().error.code).toBe('NAME_TAKEN');
  });

  it('tells an operator of the host, and not of the guests of others', async () => {
    const report = await world.send('bob', post('/v1/doctor'));
    expect(report.statusCode).toBe(200);
    expect(report.body).not.toContain('anns');
    expect((await world.send(null, post('/v1/doctor'))).json().checks.length).toBeGreaterThan(
      report.json().checks.length,
    );
  });

  it("is everybody's audit trail; others see their own wishes", async () => {
    await world.send('ann', post('/v1/instances/anns/pause'));
    await world.send('bob', post('/v1/instances/bobs/pause'));
    const principals = async (caller: WorldCaller) =>
      (await world.send(caller, get('/v1/audit'))).json<{ principal: string }[]>().map(({ principal }) => principal);
    expect(await principals('ann')).toEqual(['ann']);
    expect(await principals('rita')).toEqual([]);
    expect(await principals('boss')).toEqual(['bob', 'ann']);
  });
});

describe('idempotency keys', () => {
  it('are of the same request in whatever order its properties are', async () => {
    const rename = (properties: object): Sent => ({
      ...post('/v1/images', { instance: 'anns', name: 'n', properties }),
      headers: { 'idempotency-key': 'same' },
    });
    const first = await world.send('ann', rename({ a: '1', b: '2' }));
    expect((await world.send('ann', rename({ b: '2', a: '1' }))).json().id).toBe(first.json().id);
    expect((await world.send('ann', rename({ a: '2', b: '1' }))).statusCode).toBe(409);
  });

  it("are everybody's own", async () => {
    const pause = (instance: string): Sent => ({
      ...post(`/v1/instances/${instance}/pause`),
      headers: { 'idempotency-key': 'same' },
    });
    const first = await world.send('ann', pause('anns'));
    const others = await world.send('bob', pause('bobs'));
    const again = await world.send('ann', pause('anns'));
    expect([first.statusCode, others.statusCode, again.statusCode]).toEqual([202, 202, 202]);
    expect(others.json().id).not.toBe(first.json().id);
    expect(again.json().id).toBe(first.json().id);
    expect(again.headers['location']).toBe(first.headers['location']);
    const conflict = await world.send('ann', pause('hosts'));
    expect([conflict.statusCode, conflict.json().error.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT']);
  });
});
