import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorld, type World } from '../../support/access-world.ts';
import { type RawServer, serveRaw } from '../../support/raw-http.ts';

const SEED = Number(process.env['DARKROOM_FUZZ_SEED'] ?? 20_260_301);
const ROUNDS = Number(process.env['DARKROOM_FUZZ_ROUNDS'] ?? 600);

let world: World;
let server: RawServer;
beforeAll(async () => {
  world = await createWorld();
  server = await serveRaw(world.app);
});
afterAll(async () => {
  await server.close();
  await world.dispose();
});

/** Random numbers that are the same for the same seed (mulberry32). */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below `sides`. */
  roll(sides: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % sides;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.roll(items.length)] ?? items[0];
  }
}

const TEXTS = [
  'anns',
  'hosts',
  'ann-private',
  'ann-shelved',
  '',
  ' ',
  '.',
  '..',
  '/',
  '\0',
  'a\nb',
  '\ud800',
  '\u202e',
  '📷'.repeat(300),
  'x'.repeat(5000),
  '%s%n',
  "'; DROP TABLE operations; --",
  '$(reboot)',
  '__proto__',
  'constructor',
  'toString',
  '../../etc/passwd',
  'null',
  'true',
  '-1',
  '1e9',
  'NaN',
  '00000002-0000-4000-8000-000000000001',
  '<a/>',
  '\u0000\u0001\u001f',
  'ssh-ed25519 AAAA',
] as const;
const VALUES = [
  null,
  true,
  false,
  0,
  -0,
  1,
  -1,
  0.5,
  1e308,
  -1e308,
  2 ** 53,
  2 ** 31,
  Number.MIN_VALUE,
  [],
  {},
  [[]],
  [null],
  { a: {} },
  { length: 5 },
  { toString: 1 },
  [1, 'a', null, {}],
] as const;
const FIELDS = [
  'name',
  'instance',
  'image',
  'path',
  'format',
  'description',
  'properties',
  'consistency',
  'isGeneralized',
  'isEncrypted',
  'memoryMiB',
  'vcpus',
  'clone',
  'isStarted',
  'network',
  'networks',
  'sshKeys',
  'userData',
  'isForced',
  'timeoutMs',
  'expect',
  'isBooted',
  'protected',
  'visibility',
  'members',
  'owner',
  'role',
  'hasToken',
  'isRepairing',
  'isOffloaded',
  'keepsMemory',
  'shutdownTimeoutMs',
  'diskDir',
  'isCold',
  'isStealing',
  '__proto__',
  'constructor',
  'prototype',
  '',
  'x',
] as const;
const QUERIES = [
  'type',
  'name',
  'status',
  'owner',
  'visibility',
  'instance',
  'state',
  'limit',
  'marker',
  'kind',
  'target',
  'requestedBy',
  'types',
  'isForced',
  '__proto__',
] as const;
const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'POST',
  'PATCH',
  'DELETE',
  'PUT',
  'HEAD',
  'OPTIONS',
  'PROPFIND',
  'TRACE',
  'FROB',
] as const;
const PATHS = [
  '/v1/images',
  '/v1/images/import',
  '/v1/images/:/export',
  '/v1/images/:/verify',
  '/v1/images/:',
  '/v1/instances',
  '/v1/instances/:',
  '/v1/instances/:/start',
  '/v1/instances/:/stop',
  '/v1/instances/:/shelve',
  '/v1/instances/:/unshelve',
  '/v1/instances/:/offload',
  '/v1/volumes',
  '/v1/volumes/:',
  '/v1/operations',
  '/v1/operations/:',
  '/v1/operations/:/cancel',
  '/v1/principals',
  '/v1/principals/:/token',
  '/v1/principals/:',
  '/v1/audit',
  '/v1/doctor',
  '/healthz',
  '/openapi.json',
  '/v1/:',
  '/:',
  '/v1/images/:/:/:',
] as const;
const TYPES = [
  'application/json',
  'application/json',
  'application/json; charset=utf-8',
  'text/plain',
  'application/xml',
  '',
  'a/b/c',
  'multipart/form-data',
] as const;

const REAL = ['anns', 'hosts', 'ann-private', 'ann-shelved', 'op-ann', 'bob'] as const;
/** Bodies that would do. */
const TEMPLATES = [
  {},
  { instance: 'anns', name: 'n' },
  { name: 'n', image: 'ann-private' },
  { path: '/srv/x', name: 'n' },
  { path: '/srv/x' },
  { isForced: true, timeoutMs: 5 },
  { description: 'x', members: ['bob'] },
  { name: 'eve', role: 'reader' },
] as const;

function drawValue(dice: Dice, depth: number): unknown {
  const kind = dice.roll(10);
  if (kind < 4) return dice.pick(TEXTS);
  if (kind < 7 || depth > 3) return dice.pick(VALUES);
  if (kind < 8) return Array.from({ length: dice.roll(4) }, () => drawValue(dice, depth + 1));
  return drawObject(dice, depth + 1);
}

function drawObject(dice: Dice, depth: number): object {
  return Object.fromEntries(Array.from({ length: dice.roll(6) }, () => [dice.pick(FIELDS), drawValue(dice, depth)]));
}

function drawDocument(dice: Dice): unknown {
  const kind = dice.roll(8);
  if (kind === 0) return drawValue(dice, 0);
  if (kind === 1) return drawObject(dice, 0);
  const template = dice.pick(TEMPLATES);
  return kind < 5 ? template : { ...template, [dice.pick(FIELDS)]: drawValue(dice, 1) };
}

function drawBody(dice: Dice): string {
  const text = JSON.stringify(drawDocument(dice)) ?? '';
  switch (dice.roll(8)) {
    case 0:
      return text.slice(0, dice.roll(text.length + 1));
    case 1:
      return `${text}${text}`;
    case 2:
      return text.replace('{', `{"${dice.pick(FIELDS)}":1,`);
    default:
      return text;
  }
}

function encode(dice: Dice, text: string): string {
  switch (dice.roll(6)) {
    case 0:
      return text.replaceAll(/[^\x21-\x7e]/g, '');
    case 1:
      return `%${text.charCodeAt(0).toString(16)}`;
    default:
      return encodeURIComponent(text.replaceAll(/\p{Cs}/gu, '\ufffd'));
  }
}

function drawRequest(dice: Dice): string {
  const path = dice
    .pick(PATHS)
    .replaceAll(':', () => (dice.roll(3) > 0 ? dice.pick(REAL) : encode(dice, dice.pick(TEXTS))));
  const query = Array.from({ length: dice.roll(3) }, () => `${dice.pick(QUERIES)}=${encode(dice, dice.pick(TEXTS))}`);
  const url = query.length === 0 ? path : `${path}?${query.join('&')}`;
  const body = dice.roll(3) === 0 ? '' : drawBody(dice);
  const headers = [
    'Host: x',
    'Connection: close',
    ...(dice.roll(12) > (body === '' ? 10 : 1) ? [`Content-Type: ${dice.pick(TYPES)}`] : []),
    `Content-Length: ${Buffer.byteLength(body) + (dice.roll(30) === 0 ? dice.roll(3) - 1 : 0)}`,
    ...(dice.roll(5) === 0 ? [`Idempotency-Key: ${dice.pick(TEXTS).replaceAll(/[^\x20-\x7e]/g, '')}`] : []),
    ...(dice.roll(8) === 0 ? [`Authorization: ${dice.pick(['Bearer x', 'Basic eDp5', 'Bearer', ''])}`] : []),
  ];
  return `${dice.pick(METHODS)} ${url} HTTP/1.${dice.roll(10) === 0 ? 0 : 1}\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
}

/** Codes of what a host of fakes may well lack; the request was understood. */
const HONEST = /"code":"(?:LIBVIRT_|STORE_|TOOL_|NO_SPACE|IMAGE_DAMAGED|SHELF_DAMAGED)/;

describe('requests that nobody would make', () => {
  it(`are never a fault of ours (seed ${SEED}, ${ROUNDS} rounds)`, async () => {
    const dice = new Dice(SEED);
    const statuses = new Map<number, number>();
    for (let round = 0; round < ROUNDS; round += 1) {
      const request = drawRequest(dice);
      const answer = await server.send(request);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      const isFine = answer.status < 500 || HONEST.test(answer.body);
      expect({ round, isFine, ...(isFine ? {} : { request, answer }) }).toEqual({ round, isFine: true });
      if (answer.status < 400 || !/content-type: application\/json/i.test(answer.head) || request.startsWith('HEAD'))
        continue;
      expect(JSON.parse(answer.body)).toEqual({
        error: { code: expect.stringMatching(/^[A-Z_]+$/), message: expect.any(String), fields: expect.any(Object) },
      });
    }
    // fuzz that is refused at the door finds nothing
    expect([200, 202, 400, 404].filter((status) => !statuses.has(status))).toEqual([]);
    expect(world.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
