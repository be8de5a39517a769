import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import { FakeApplication } from './fake-application.ts';
import { sampleAuditEvent, samplePrincipal } from './samples.ts';

function open() {
  const application = new FakeApplication();
  const app = buildApp({ application });
  return { application, app, client: createClient(createInjectTransport(app)) };
}

describe('routes of principals', () => {
  it('tells a token when it is made and when it is renewed, and no other time', async () => {
    const { client, app } = open();
    const created = await client.principals.create({ name: 'bob', role: 'reader' });
    expect(created).toEqual({ principal: { ...samplePrincipal, name: 'bob', role: 'reader' }, token: 'drk_new' });
    expect((await client.principals.renewToken('ann')).token).toBe('drk_renewed');
    expect(await client.principals.list()).toEqual([samplePrincipal]);
    expect((await app.inject({ url: '/v1/principals' })).body).not.toContain('drk_');
  });

  it('answers the creation with 201 and lets nobody keep the answer', async () => {
    const payload = { name: 'bob', role: 'reader' };
    const response = await open().app.inject({ method: 'POST', url: '/v1/principals', payload });
    expect([response.statusCode, response.headers['cache-control']]).toEqual([201, 'no-store']);
  });

  it('makes a principal without a token for a certificate', async () => {
    const { token } = await open().client.principals.create({ name: 'bob', role: 'reader', hasToken: false });
    expect(token).toBeNull();
  });

  it('deletes with 204 and nothing', async () => {
    const { client, app } = open();
    await client.principals.delete('ann');
    const response = await app.inject({ method: 'DELETE', url: '/v1/principals/ann' });
    expect([response.statusCode, response.body]).toEqual([204, '']);
  });

  it('answers PRINCIPAL_NOT_FOUND for somebody unknown', async () => {
    const { client } = open();
    await expect(client.principals.delete('a/b')).rejects.toMatchObject({ code: 'PRINCIPAL_NOT_FOUND' });
    await expect(client.principals.renewToken('..')).rejects.toMatchObject({ code: 'PRINCIPAL_NOT_FOUND' });
  });

  it.each([
    [{ name: 'bob' }, 'role'],
    [{ name: 'bob', role: 'root' }, 'role'],
    [{ name: 'b b', role: 'reader' }, 'name'],
    [{ name: '', role: 'reader' }, 'name'],
    [{ name: 'x'.repeat(65), role: 'reader' }, 'name'],
    [{ name: 'bob', role: 'reader', token: 'mine' }, 'token'],
  ])('refuses the principal %j', async (payload, field) => {
    const response = await open().app.inject({ method: 'POST', url: '/v1/principals', payload });
    expect(response.statusCode).toBe(400);
    expect(response.json().error.fields).toEqual({ field });
  });
});

describe('the route of the audit trail', () => {
  it('answers a hundred events unless told otherwise', async () => {
    const { client, application } = open();
    expect(await client.audit.list()).toEqual([sampleAuditEvent]);
    await client.audit.list({ limit: 7 });
    expect(application.filters).toEqual([{ limit: 100 }, { limit: 7 }]);
  });
});
