import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorld, IMAGES, type World } from '../../support/access-world.ts';
import { type RawServer, serveRaw } from '../../support/raw-http.ts';

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

function withBody(method: string, url: string, body: string, type = 'application/json'): string {
  const length = Buffer.byteLength(body);
  return `${method} ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

function bare(line: string, ...headers: readonly string[]): string {
  return [line, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');
}

const LAUNCH = '{"name":"n","image":"i"';
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const deepObject = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

const HOSTILE: readonly (readonly [title: string, request: string, status: number])[] = [
  // bodies
  ['a number that no double holds', withBody('POST', '/v1/instances', `${LAUNCH},"memoryMiB":1e999}`), 400],
  ['a number with 400 digits', withBody('POST', '/v1/instances', `${LAUNCH},"vcpus":${'9'.repeat(400)}}`), 400],
  ['a negative zero', withBody('POST', '/v1/instances', `${LAUNCH},"vcpus":-0}`), 400],
  ['lists 200,000 deep', withBody('POST', '/v1/images', nested(200_000)), 400],
  ['objects 100,000 deep', withBody('POST', '/v1/images', deepObject(100_000)), 400],
  [
    'properties 100,000 deep',
    withBody('POST', '/v1/images', `{"instance":"i","name":"n","properties":${deepObject(100_000)}}`),
    400,
  ],
  ['__proto__', withBody('POST', '/v1/images', '{"instance":"i","name":"n","__proto__":{"isAdmin":true}}'), 400],
  [
    '__proto__ in properties',
    withBody('POST', '/v1/images', '{"instance":"i","name":"n","properties":{"__proto__":"x"}}'),
    400,
  ],
  ['__proto__ in escapes', withBody('POST', '/v1/images', '{"\\u005f_proto__":{"instance":"i"}}'), 400],
  ['constructor.prototype', withBody('POST', '/v1/images', '{"constructor":{"prototype":{"x":1}}}'), 400],
  [
    'a known field that is inherited',
    withBody('POST', '/v1/images', '{"toString":"x","instance":"i","name":"n"}'),
    400,
  ],
  ['NUL in a reference', withBody('POST', '/v1/images', '{"instance":"anns\\u0000","name":"n"}'), 400],
  ['a lone surrogate in a reference', withBody('POST', '/v1/images', '{"instance":"\\ud800","name":"n"}'), 400],
  ['a lone surrogate in user data', withBody('POST', '/v1/instances', `${LAUNCH},"userData":"\\udc00"}`), 400],
  ['NUL in a path', withBody('POST', '/v1/images/import', '{"path":"/srv/x\\u0000","name":"n"}'), 400],
  ['a path that climbs out', withBody('POST', '/v1/images/import', '{"path":"/srv/../etc/shadow","name":"n"}'), 403],
  [
    'bytes that are no UTF-8',
    withBody('POST', '/v1/images', '{"instance":"\ufffd","name":"n"}').replace('\ufffd', '\ufffd'),
    404,
  ],
  ['a byte order mark', withBody('POST', '/v1/images', '\ufeff{"instance":"none","name":"n"}'), 404],
  ['text instead of JSON', withBody('POST', '/v1/images', 'instance=i&name=n'), 400],
  ['a JSON text', withBody('POST', '/v1/images', '"x"'), 400],
  ['a JSON number', withBody('POST', '/v1/doctor', '7'), 400],
  ['two documents', withBody('POST', '/v1/doctor', '{}{}'), 400],
  ['a key that is there twice', withBody('POST', '/v1/images', '{"instance":"a","name":"n","instance":7}'), 400],
  ['129 members', withBody('PATCH', '/v1/images/x', JSON.stringify({ members: Array(129).fill('a') })), 400],
  ['5 MiB', withBody('POST', '/v1/images', `"${'x'.repeat(5 << 20)}"`), 413],
  [
    'a length that is a lie',
    bare('POST /v1/images HTTP/1.1', 'Content-Type: application/json', 'Content-Length: 99999999'),
    413,
  ],
  // media types
  ['a form', withBody('POST', '/v1/images', 'a=b', 'application/x-www-form-urlencoded'), 415],
  ['XML', withBody('POST', '/v1/images', '<a/>', 'text/xml'), 415],
  ['plain text', withBody('POST', '/v1/images', '{}', 'text/plain'), 400],
  ['a media type that is none', withBody('POST', '/v1/images', '{}', 'application/json/x;;;='), 415],
  [
    'JSON that is packed',
    bare(
      'POST /v1/images HTTP/1.1',
      'Content-Type: application/json',
      'Content-Encoding: gzip',
      'Content-Length: 3',
    ).replace(/$/, '\u001f\u000b\u0008'),
    400,
  ],
  // URLs
  ['percent-encoding that is broken', bare('GET /v1/images/%zz HTTP/1.1'), 400],
  ['percent-encoding of no UTF-8', bare('GET /v1/images/%ff%fe HTTP/1.1'), 400],
  ['an encoded surrogate', bare('GET /v1/images/%ed%a0%80 HTTP/1.1'), 400],
  ['an encoded NUL', bare('GET /v1/images/a%00b HTTP/1.1'), 400],
  ['an encoded slash', bare('GET /v1/images/..%2f..%2fetc%2fpasswd HTTP/1.1'), 404],
  ['a name of 5,000 characters', bare(`GET /v1/images/${'x'.repeat(5000)} HTTP/1.1`), 414],
  ['a URL of 10,000 characters', bare(`GET /v1/images?name=${'x'.repeat(10_000)} HTTP/1.1`), 414],
  ['a name of 2,000 characters', bare(`GET /v1/images/${'x'.repeat(2000)} HTTP/1.1`), 400],
  ['headers of 20,000 characters', bare('GET /v1/images HTTP/1.1', `X: ${'x'.repeat(20_000)}`), 431],
  ['an absolute URL', bare('GET http://evil.example/v1/images/none HTTP/1.1'), 404],
  ['two slashes', bare('GET //v1//images HTTP/1.1'), 404],
  ['a path with dots', bare('GET /v1/instances/../principals HTTP/1.1'), 404],
  ['an asterisk', bare('OPTIONS * HTTP/1.1'), 404],
  // queries
  ['a parameter that is there twice', bare('GET /v1/images?type=snapshot&type=backup HTTP/1.1'), 400],
  ['a parameter that is a list', bare('GET /v1/images?type[]=snapshot HTTP/1.1'), 400],
  ['a parameter __proto__', bare('GET /v1/images?__proto__=x HTTP/1.1'), 400],
  ['a parameter __proto__.x', bare('GET /v1/images?__proto__[x]=y HTTP/1.1'), 400],
  ['a thousand parameters', bare(`GET /v1/images?${'a=1&'.repeat(1000)} HTTP/1.1`), 400],
  ['a query that is broken', bare('GET /v1/images?name=%ff HTTP/1.1'), 200],
  ['a marker with NUL', bare('GET /v1/operations?marker=%00 HTTP/1.1'), 400],
  ['a limit with a sign', bare('GET /v1/operations?limit=%2B5 HTTP/1.1'), 400],
  ['a limit in other digits', bare('GET /v1/operations?limit=%D9%A5 HTTP/1.1'), 400],
  // methods and protocols
  ['PUT', withBody('PUT', '/v1/images/x', '{}'), 404],
  ['HEAD', bare('HEAD /v1/images HTTP/1.1'), 404],
  ['TRACE', bare('TRACE /v1/images HTTP/1.1'), 404],
  ['PROPFIND', bare('PROPFIND /v1/images HTTP/1.1'), 404],
  ['QUERY', bare('M-SEARCH /v1/images HTTP/1.1'), 404],
  ['a method that is none', bare('FROB /v1/images HTTP/1.1'), 400],
  ['a method in small letters', bare('get /v1/images HTTP/1.1'), 400],
  ['HTTP/1.0', 'GET /v1/images/none HTTP/1.0\r\n\r\n', 404],
  ['HTTP/0.9', 'GET /v1/images/none\r\n\r\n', 404],
  ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  ['no host', 'GET /v1/images HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
  ['an expectation', bare('GET /v1/images HTTP/1.1', 'Expect: the-unexpected'), 417],
  [
    'an upgrade',
    bare('GET /v1/images/none HTTP/1.1', 'Upgrade: websocket').replace(
      'Connection: close',
      'Connection: upgrade, close',
    ),
    404,
  ],
  ['a length and chunks', bare('POST /v1/images HTTP/1.1', 'Content-Length: 5', 'Transfer-Encoding: chunked'), 400],
  ['two lengths', bare('POST /v1/images HTTP/1.1', 'Content-Length: 5', 'Content-Length: 6'), 400],
  [
    'chunks that are none',
    `${bare('POST /v1/images HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked')}zz\r\n`,
    400,
  ],
  ['a header that smuggles', bare('GET /v1/images HTTP/1.1', 'X: a\nAuthorization: Bearer x'), 400],
  ['two tokens', bare('GET /v1/images HTTP/1.1', 'Authorization: Bearer a', 'Authorization: Bearer b'), 401],
  [
    'two keys',
    withBody('POST', '/v1/images/x/verify', '{}').replace(
      'Host: x',
      'Host: x\r\nIdempotency-Key: a\r\nIdempotency-Key: b',
    ),
    400,
  ],
];

/** What node:http itself refuses is answered by whoever listens. */
const BY_THE_SERVER = new Set([400, 417, 431]);

describe('hostile requests', () => {
  it.each(HOSTILE)('%s', async (_title, request, status) => {
    const answer = await server.send(request);
    expect({ status: answer.status, body: answer.body.slice(0, 300) }).toMatchObject({ status });
    const isOurs = /content-type: application\/json/i.test(answer.head);
    if (status >= 400 && !(BY_THE_SERVER.has(status) && !isOurs) && !request.startsWith('HEAD')) {
      expect(answer.body).toMatch(/"error":\{"code":"[A-Z_]+","message":"/);
    }
    expect(answer.body).not.toContain('INTERNAL');
  });

  it('leave the agent as it was', async () => {
    expect((await world.send('ann', { method: 'GET', url: `/v1/images/${IMAGES['ann-private']}` })).statusCode).toBe(
      200,
    );
    expect(Object.prototype).not.toHaveProperty('isAdmin');
    expect(world.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});
