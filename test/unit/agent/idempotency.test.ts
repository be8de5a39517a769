import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import { FakeApplication } from './fake-application.ts';

const payload = { instance: 'web-1', name: 'golden' };

describe('the Idempotency-Key header', () => {
  it.each(['k', 'x'.repeat(255), '!"#~'])('is passed on as it is: %s', async (key) => {
    const application = new FakeApplication();
    const headers = { 'idempotency-key': key };
    const response = await buildApp({ application }).inject({ method: 'POST', url: '/v1/images', payload, headers });
    expect(response.statusCode).toBe(202);
    expect(application.keys).toEqual([key]);
  });

  it.each(['', 'x'.repeat(256), 'a b', 'é', 'a\tb'])('is refused when it is %j', async (key) => {
    const application = new FakeApplication();
    const headers = { 'idempotency-key': key };
    const response = await buildApp({ application }).inject({ method: 'POST', url: '/v1/images', payload, headers });
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code: 'INVALID_REQUEST', fields: { field: 'Idempotency-Key' } });
    expect(application.submitted).toEqual([]);
  });

  it('is sent by every method of the client that starts work', async () => {
    const application = new FakeApplication();
    const client = createClient(createInjectTransport(buildApp({ application })));
    const options = { idempotencyKey: 'once' };
    await client.images.create(payload, options);
    await client.images.import({ path: '/srv/x', name: 'x' }, options);
    await client.images.export('golden', { path: '/srv/y' }, options);
    await client.images.verify('golden', {}, options);
    await client.images.delete('golden', options);
    await client.instances.launch({ name: 'web-2', image: 'golden' }, options);
    await client.instances.delete('web-2', { isForced: false, ...options });
    await client.instances.power('web-1', 'pause', options);
    await client.instances.stop('web-1', 'stop', { isForced: true, ...options });
    await client.instances.shelve('web-1', {}, options);
    await client.instances.offload('web-1', options);
    await client.instances.unshelve('web-1', {}, options);
    expect(application.keys).toEqual(application.submitted.map(() => 'once'));
    expect(application.submitted).toHaveLength(12);
  });

  it("is one of the client's own where it was given none", async () => {
    const application = new FakeApplication();
    await createClient(createInjectTransport(buildApp({ application }))).images.create(payload);
    expect(application.keys).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });
});
