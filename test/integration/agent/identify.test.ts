import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createPlainServer, request as httpRequest, type Server } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, type KeyPair } from '../../support/certificates.ts';
import { type ServedHost, serveHost } from '../../support/served-host.ts';

const IMAGES = { method: 'GET', url: '/v1/images' } as const;

describe('who asks over the unix socket', () => {
  it('is the administrator of the host without a token', async () => {
    const host = serveHost();
    expect((await host.send(null, { method: 'GET', url: '/v1/principals' })).statusCode).toBe(200);
  });

  it('is the principal of its token, with no more than its rights', async () => {
    const host = serveHost();
    await host.addPrincipal('ann', 'reader');
    expect((await host.send('ann', IMAGES)).statusCode).toBe(200);
    const refused = await host.send('ann', { method: 'GET', url: '/v1/principals' });
    expect(refused.statusCode).toBe(403);
    expect(refused.json().error).toMatchObject({
      code: 'FORBIDDEN',
      message: 'ann has the role reader; GET /v1/principals needs the role admin.',
      fields: { principal: 'ann', role: 'reader', needed: 'admin' },
    });
  });

  it('takes the scheme in any case', async () => {
    const host = serveHost();
    const token = await host.addPrincipal('ann', 'reader');
    for (const scheme of ['bearer', 'BEARER', 'Bearer  ']) {
      const response = await host.app.inject({ url: '/v1/images', headers: { authorization: `${scheme} ${token}` } });
      expect(response.statusCode).toBe(200);
    }
  });

  it('is refused in the same words whatever was wrong with its token', async () => {
    const host = serveHost();
    const token = await host.addPrincipal('ann', 'operator');
    const renewed = await host.application.principals.renewToken('ann');
    await host.addPrincipal('bob', 'admin');
    await host.application.principals.delete('bob');
    const wrong = [
      `Bearer ${token}`,
      `Bearer ${host.tokens.get('bob')}`,
      `Bearer ${renewed.token}x`,
      `Bearer ${renewed.token} ${renewed.token}`,
      `Basic ${renewed.token}`,
      `${renewed.token}`,
      'Bearer',
      'Bearer ',
      '',
      'Bearer ann',
      `Bearer ${'x'.repeat(5000)}`,
      'Bearer \u00e9',
      'Bearer null',
    ];
    const bodies = new Set<string>();
    for (const authorization of wrong) {
      const response = await host.app.inject({ url: '/v1/images', headers: { authorization } });
      expect([response.statusCode, response.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(response.json().error.code).toBe('UNAUTHENTICATED');
      bodies.add(response.body);
    }
    expect(bodies.size).toBe(1);
    expect(
      (await host.app.inject({ url: '/v1/images', headers: { authorization: `Bearer ${renewed.token}` } })).statusCode,
    ).toBe(200);
  });

  it('is nobody of the token in an answer, an error or the log', async () => {
    const host = serveHost();
    const token = await host.addPrincipal('ann', 'reader');
    const answers = [
      await host.send('ann', IMAGES),
      await host.send('ann', { method: 'POST', url: '/v1/images', body: {} }),
      await host.send('ann', { method: 'DELETE', url: '/v1/nowhere' }),
      await host.app.inject({ method: 'POST', url: '/v1/images', headers: { authorization: `Bearer ${token}!` } }),
    ];
    const told = JSON.stringify([answers.map(({ body, headers }) => [body, headers]), host.lines]);
    expect(told).toContain('ann');
    expect(told).not.toContain(token.slice(0, 12));
    expect(JSON.stringify(await host.application.audit.list({ limit: 100 }))).not.toContain(token.slice(0, 12));
  });

  it.each(['/v1/images', '/v1/nowhere', '/nowhere', '/v1/instances/x', '/v1/events', '/v1/operations/x/events'])(
    'tells a stranger nothing about %s',
    async (url) => {
      const host = serveHost();
      const response = await host.app.inject({ url, headers: { authorization: 'Bearer x' } });
      expect(response.statusCode).toBe(401);
    },
  );

  it('asks nobody who they are for the health of the agent', async () => {
    const response = await serveHost().app.inject({ url: '/healthz', headers: { authorization: 'Bearer x' } });
    expect(response.statusCode).toBe(200);
  });
});

describe('who asks over sockets', () => {
  const servers: Server[] = [];
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-id-'));
  let ours: Authority;
  let theirs: Authority;
  let server: KeyPair;
  beforeAll(() => {
    ours = createAuthority('ours');
    theirs = createAuthority('theirs');
    server = ours.sign('/CN=localhost');
  });
  afterEach(() => {
    for (const each of servers.splice(0)) each.close();
  });
  afterAll(() => {
    ours.dispose();
    theirs.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  async function listen(host: ServedHost): Promise<number> {
    await host.app.ready();
    const options = { ...server, ca: ours.cert, requestCert: true, rejectUnauthorized: false };
    const listener = createServer(options, (request, response) => host.app.routing(request, response));
    servers.push(listener);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return portOf(listener);
  }

  function ask(port: number, client: Partial<KeyPair>, headers: Record<string, string> = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = { port, host: '127.0.0.1', path: '/v1/images', ca: ours.cert, agent: false, headers, ...client };
      httpsRequest(options, (response) => resolve(response.resume().statusCode ?? 0))
        .on('error', reject)
        .end();
    });
  }

  it('is the principal of a certificate that our authority signed', async () => {
    const host = serveHost({}, { clientCa: '/etc/darkroom/ca.pem' });
    await host.application.principals.create({ name: 'ann', role: 'reader', hasToken: false });
    const port = await listen(host);
    expect(await ask(port, ours.sign('/CN=ann'))).toBe(200);
    expect(await ask(port, ours.sign('/O=ann/CN=eve'))).toBe(401);
    expect(await ask(port, ours.sign('/CN=ann/CN=eve'))).toBe(401);
    expect(await ask(port, ours.sign('/O=ann'))).toBe(401);
  });

  it('is nobody with a certificate of another authority, or none', async () => {
    const host = serveHost({}, { clientCa: '/etc/darkroom/ca.pem' });
    const token = await host.addPrincipal('ann', 'reader');
    const port = await listen(host);
    expect(await ask(port, {})).toBe(401);
    expect(await ask(port, theirs.sign('/CN=ann'))).toBe(401);
    expect(await ask(port, theirs.sign('/CN=ann'), { authorization: `Bearer ${token}` })).toBe(200);
  });

  it('is the principal of its token, and of nothing else where it sends a wrong one', async () => {
    const host = serveHost({}, { clientCa: '/etc/darkroom/ca.pem' });
    const token = await host.addPrincipal('ann', 'reader');
    const port = await listen(host);
    expect(await ask(port, {}, { authorization: `Bearer ${token}` })).toBe(200);
    expect(await ask(port, ours.sign('/CN=ann'), { authorization: 'Bearer wrong' })).toBe(401);
  });

  it('is nobody by any certificate where no authority is configured', async () => {
    const host = serveHost({}, { clientCa: null });
    await host.addPrincipal('ann', 'reader');
    expect(await ask(await listen(host), ours.sign('/CN=ann'))).toBe(401);
  });

  it('is nobody over TCP without TLS, and the administrator over a unix socket', async () => {
    const host = serveHost();
    await host.app.ready();
    const statuses: number[] = [];
    for (const place of [{ port: 0, host: '127.0.0.1' }, { path: path.join(folder, 'agent.sock') }]) {
      const listener = createPlainServer((request, response) => host.app.routing(request, response));
      servers.push(listener);
      await new Promise<void>((resolve) => listener.listen(place, resolve));
      statuses.push(await askPlainly('path' in place ? { socketPath: place.path } : { port: portOf(listener) }));
    }
    expect(statuses).toEqual([401, 200]);
  });
});

function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}

function askPlainly(place: { readonly port: number } | { readonly socketPath: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    httpRequest({ ...place, path: '/v1/images', agent: false }, (response) =>
      resolve(response.resume().statusCode ?? 0),
    )
      .on('error', reject)
      .end();
  });
}
