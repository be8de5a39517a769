import { describe, expect, it } from 'vitest';
import type { LogFields } from '../../../src/lib/logger.ts';
import { createFakeAuditTrail } from '../../support/fake-access.ts';
import { createFakeHypervisor } from '../../support/fake-hypervisor.ts';
import { serveHost } from '../../support/served-host.ts';

const UUID = '5a3c9d0e-1f2b-4c3d-8e4f-5a6b7c8d9e0f';

function hostWithGuest() {
  const hypervisor = createFakeHypervisor();
  hypervisor.put(
    `<domain type='qemu'><name>web-1</name><uuid>${UUID}</uuid><memory unit='MiB'>256</memory><vcpu>1</vcpu>
     <os><type arch='x86_64'>hvm</type></os><devices/></domain>`,
    { powerState: 'running' },
  );
  return serveHost({ hypervisor });
}

function audited(lines: readonly LogFields[]): readonly LogFields[] {
  return lines.filter((line) => line['audit'] === true);
}

describe('the audit trail', () => {
  it('has what was granted, with its operation', async () => {
    const host = hostWithGuest();
    await host.addPrincipal('ann', 'operator');
    const response = await host.send('ann', { method: 'POST', url: '/v1/instances/web-1/pause' });
    const [event] = await host.application.audit.list({ limit: 1 });
    expect(event).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      principal: 'ann',
      action: 'POST /v1/instances/:instance/pause',
      target: 'web-1',
      httpStatus: 202,
      errorCode: null,
      operationId: response.json().id,
    });
  });

  it('has what was refused, and why', async () => {
    const host = hostWithGuest();
    await host.addPrincipal('ann', 'operator');
    await host.addPrincipal('eve', 'reader');
    await host.send('ann', { method: 'POST', url: '/v1/instances/none/pause' });
    await host.send('eve', { method: 'DELETE', url: '/v1/instances/web-1?isForced=true' });
    await host.send('ann', { method: 'POST', url: '/v1/images', body: { nmae: 'x' } });
    await host.send('ann', { method: 'PATCH', url: '/v1/nothing/here' });
    const seen = (await host.application.audit.list({ limit: 4 })).map((event) => [
      event.principal,
      event.action,
      event.target,
      event.httpStatus,
      event.errorCode,
    ]);
    expect(seen).toEqual([
      ['ann', 'PATCH (nothing)', 'v1/nothing/here', 404, 'ROUTE_NOT_FOUND'],
      ['ann', 'POST /v1/images', null, 400, 'INVALID_REQUEST'],
      ['eve', 'DELETE /v1/instances/:instance', 'web-1', 403, 'FORBIDDEN'],
      ['ann', 'POST /v1/instances/:instance/pause', 'none', 404, 'INSTANCE_NOT_FOUND'],
    ]);
  });

  it('has what could not even be read', async () => {
    const host = hostWithGuest();
    const response = await host.app.inject({ method: 'DELETE', url: '/v1/images/%ff' });
    expect(response.statusCode).toBe(400);
    const [event] = await host.application.audit.list({ limit: 1 });
    expect(event).toMatchObject({ principal: 'anonymous', action: 'DELETE (nothing)', errorCode: 'INVALID_REQUEST' });
  });

  it('has who was not recognised as anonymous', async () => {
    const host = hostWithGuest();
    await host.send('nobody', { method: 'DELETE', url: '/v1/images/golden' });
    const [event] = await host.application.audit.list({ limit: 1 });
    expect(event).toMatchObject({ principal: 'anonymous', target: 'golden', errorCode: 'UNAUTHENTICATED' });
  });

  it('has whom a new principal was made', async () => {
    const host = hostWithGuest();
    await host.send(null, { method: 'POST', url: '/v1/principals', body: { name: 'bob', role: 'reader' } });
    const [event] = await host.application.audit.list({ limit: 1 });
    expect(event).toMatchObject({ principal: 'root', action: 'POST /v1/principals', target: 'bob', httpStatus: 201 });
  });

  it('has nothing of those who only look', async () => {
    const host = hostWithGuest();
    await host.send(null, { method: 'GET', url: '/v1/instances' });
    await host.send('nobody', { method: 'GET', url: '/v1/instances' });
    expect(await host.application.audit.list({ limit: 1 })).toEqual([]);
  });

  it('cannot be filled up by strangers, whom the log has nevertheless', async () => {
    const host = hostWithGuest();
    await host.send(null, { method: 'POST', url: '/v1/instances/web-1/pause' });
    for (let count = 0; count < 200; count += 1) {
      await host.send('nobody', { method: 'DELETE', url: '/v1/images/golden' });
    }
    const events = await host.application.audit.list({ limit: 1000 });
    expect(events.length).toBeLessThan(125);
    expect(events.at(-1)).toMatchObject({ principal: 'root' });
    expect(audited(host.lines)).toHaveLength(201);
  });

  it('is in the log too, a line for each, marked', async () => {
    const host = hostWithGuest();
    await host.send(null, { method: 'POST', url: '/v1/instances/none/pause' });
    expect(audited(host.lines)).toEqual([
      {
        level: 'info',
        message: 'a change was asked for',
        audit: true,
        principal: 'root',
        action: 'POST /v1/instances/:instance/pause',
        target: 'none',
        httpStatus: 404,
        errorCode: 'INSTANCE_NOT_FOUND',
        operationId: null,
      },
    ]);
  });

  it('fails no request when it cannot be written, and says so', async () => {
    const audit = { ...createFakeAuditTrail(), append: () => Promise.reject(new Error('disk full')) };
    const host = serveHost({ audit });
    const response = await host.send(null, { method: 'POST', url: '/v1/doctor' });
    expect(response.statusCode).toBe(200);
    expect(host.lines).toContainEqual({
      level: 'error',
      message: 'an audit event was not recorded',
      error: 'Error: disk full',
      action: 'POST /v1/doctor',
    });
  });
});
