import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiApp } from '../../../src/agent/api-app.ts';
import { buildApp } from '../../../src/agent/app.ts';
import { authorise } from '../../../src/agent/authorise.ts';
import { addLimits } from '../../../src/agent/limits.ts';
import { type RawServer, serveRaw } from '../../support/raw-http.ts';
import { serveHost } from '../../support/served-host.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';

const servers: RawServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(app: ApiApp): Promise<string> {
  const server = await serveRaw(app);
  servers.push(server);
  return server.socket;
}

/** An open stream: its status, and how to end it. */
function openStream(socketPath: string, headers: Record<string, string>): Promise<{ status: number; end(): void }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: '/v1/events', headers, agent: false }, (response) => {
      response.on('error', () => undefined).resume();
      resolve({ status: response.statusCode ?? 0, end: () => outgoing.destroy() });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('event streams', () => {
  it('are limited for each principal and for all together, and give their place back', async () => {
    const host = serveHost();
    const socket = await serve(host.app);
    const as = async (name: string) => ({ authorization: `Bearer ${await host.addPrincipal(name, 'reader')}` });
    const [ann, bob, eve] = [await as('ann'), await as('bob'), await as('eve')];
    const open = async (headers: Record<string, string>, count: number) => {
      const streams = [];
      for (let index = 0; index < count; index += 1) streams.push(await openStream(socket, headers));
      return streams;
    };
    const anns = await open(ann, 128);
    expect(anns.every(({ status }) => status === 200)).toBe(true);
    expect((await openStream(socket, ann)).status).toBe(429);
    await open(bob, 128);
    expect((await openStream(socket, eve)).status).toBe(429);
    const refused = await host.app.inject({ url: '/v1/events', headers: eve });
    expect(refused.json().error).toMatchObject({ code: 'TOO_MANY_REQUESTS', fields: { limit: 256 } });
    anns[0]?.end();
    await expect.poll(async () => (await openStream(socket, eve)).status).toBe(200);
  });

  it('that are refused take no place', async () => {
    const host = serveHost();
    const socket = await serve(host.app);
    for (let index = 0; index < 300; index += 1) await host.app.inject({ url: '/v1/operations/none/events' });
    const stream = await openStream(socket, {});
    expect(stream.status).toBe(200);
  });
});

describe('operations', () => {
  function appWith(application: FakeApplication, runningIds: readonly string[]): ApiApp {
    return buildApp({ application, extend: (app) => addLimits(app, { runningIds }) });
  }

  const work = { method: 'POST', url: '/v1/instances/web-1/pause' } as const;

  it('are not taken on while the host runs as many as it may', async () => {
    const running = Array.from({ length: 256 }, (_, index) => `op-${index}`);
    const application = new FakeApplication();
    const app = appWith(application, running);
    const refused = await app.inject(work);
    expect([refused.statusCode, refused.json().error.code]).toEqual([429, 'TOO_MANY_REQUESTS']);
    expect(application.submitted).toEqual([]);
    expect((await app.inject({ url: '/v1/images' })).statusCode).toBe(200);
    running.pop();
    expect((await app.inject(work)).statusCode).toBe(202);
  });

  it('that begin at the same time count too', async () => {
    const application = new FakeApplication();
    const { submit } = application.operations;
    let letGo = () => undefined;
    const gate = new Promise<void>((resolve) => {
      letGo = () => void resolve();
    });
    application.operations.submit = async (...args) => {
      await gate;
      return await submit(...args);
    };
    const app = appWith(
      application,
      Array.from({ length: 250 }, (_, index) => `op-${index}`),
    );
    let refused = 0;
    const answers = Array.from({ length: 20 }, async () => {
      const { statusCode } = await app.inject(work);
      if (statusCode === 429) refused += 1;
      return statusCode;
    });
    // the others have begun by then, and wait at the gate
    await expect.poll(() => refused).toBe(14);
    letGo();
    const statuses = await Promise.all(answers);
    expect(statuses.filter((status) => status === 202)).toHaveLength(6);
    expect(statuses.filter((status) => status === 429)).toHaveLength(14);
    expect((await app.inject(work)).statusCode).toBe(202);
  });
});

describe('roles', () => {
  const route = (method: string, needs?: 'reader' | 'operator' | 'admin' | 'anybody', is404 = false) => ({
    method,
    is404,
    routeOptions: { url: '/x', config: { url: '/x', method, ...(needs === undefined ? {} : { needs }) } },
  });
  const verdict = (subject: ReturnType<typeof route>, role: 'reader' | 'operator' | 'admin') => {
    try {
      authorise(subject, { name: 'ann', role, isTrustedWithPaths: false });
      return 'granted';
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  it.each([
    ['GET', undefined, 'reader'],
    ['HEAD', undefined, 'reader'],
    ['POST', undefined, 'operator'],
    ['PATCH', undefined, 'operator'],
    ['DELETE', undefined, 'operator'],
    ['PUT', undefined, 'operator'],
    ['GET', 'admin', 'admin'],
    ['POST', 'reader', 'reader'],
  ] as const)('%s of a route that needs %s is for %ss and those above', (method, needs, least) => {
    const roles = ['reader', 'operator', 'admin'] as const;
    for (const role of roles) {
      const isEnough = roles.indexOf(role) >= roles.indexOf(least);
      const expected = isEnough ? 'granted' : `ann has the role ${role}; ${method} /x needs the role ${least}.`;
      expect(verdict(route(method, needs), role)).toBe(expected);
    }
  });

  it('are of no matter where everybody may ask, nor where there is nothing', () => {
    expect(verdict(route('POST', 'anybody'), 'reader')).toBe('granted');
    expect(verdict(route('POST', undefined, true), 'reader')).toBe('granted');
  });
});
