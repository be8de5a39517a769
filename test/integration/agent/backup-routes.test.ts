import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/agent/app.ts';
import { createClient } from '../../../src/api/client.ts';
import { createInjectTransport } from '../../../src/api/inject-transport.ts';
import { serveHost } from '../../support/served-host.ts';
import { FakeApplication } from '../../unit/agent/fake-application.ts';
import {
  sampleBackup,
  sampleBackupPlan,
  sampleBackupStatus,
  sampleSchedule,
  sampleScheduleRun,
} from '../../unit/agent/samples.ts';

function open() {
  const application = new FakeApplication();
  const app = buildApp({ application });
  return { application, app, client: createClient(createInjectTransport(app)) };
}

const NO_TIERS = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const backup = { instance: 'web-1', name: 'n', type: 'daily' };

describe('POST /v1/backups', () => {
  it.each([
    [{ rotation: 7 }, { kind: 'rotation', count: 7 }],
    [{ rotation: 0 }, { kind: 'rotation', count: 0 }],
    [{ keep: { daily: 7 } }, { kind: 'tiers', counts: { ...NO_TIERS, daily: 7 }, timezone: 'UTC' }],
    [
      { keep: { hourly: 1, daily: 2, weekly: 3, monthly: 4, yearly: 5, timezone: 'Asia/Tokyo' } },
      { kind: 'tiers', counts: { hourly: 1, daily: 2, weekly: 3, monthly: 4, yearly: 5 }, timezone: 'Asia/Tokyo' },
    ],
  ])('is accepted with %j', async (rule, retention) => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url: '/v1/backups', payload: { ...backup, ...rule } });
    expect(response.statusCode).toBe(202);
    expect(response.headers.location).toBe('/v1/operations/op-1');
    expect(application.submitted).toEqual([
      {
        kind: 'backup.create',
        instance: 'web-1',
        name: 'n',
        backupType: 'daily',
        retention,
        consistency: 'auto',
        description: null,
        properties: {},
      },
    ]);
  });

  it.each<[object, string]>([
    [{}, 'rotation'],
    [{ rotation: -1 }, 'rotation'],
    [{ rotation: 1.5 }, 'rotation'],
    [{ rotation: '7' }, 'rotation'],
    [{ rotation: null }, 'rotation'],
    [{ rotation: true }, 'rotation'],
    [{ rotation: 10_001 }, 'rotation'],
    [{ rotation: 7, keep: { daily: 7 } }, 'rotation'],
    [{ keep: {} }, 'keep'],
    [{ keep: { daily: 0 } }, 'keep'],
    [{ keep: { daily: -1 } }, 'keep.daily'],
    [{ keep: { daily: '7' } }, 'keep.daily'],
    [{ keep: { minutely: 7 } }, 'keep.minutely'],
    [{ keep: 7 }, 'keep'],
    [{ rotation: 7, type: '' }, 'type'],
    [{ rotation: 7, type: 'a b' }, 'type'],
    [{ rotation: 7, type: 'x'.repeat(64) }, 'type'],
    [{ rotation: 7, name: '' }, 'name'],
    [{ rotation: 7, isGeneralized: true }, 'isGeneralized'],
    [{ rotation: 7, properties: { backup_type: 'x' } }, 'properties.backup_type'],
  ])('is refused with 400 for %j', async (rule, field) => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url: '/v1/backups', payload: { ...backup, ...rule } });
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code: 'INVALID_REQUEST', fields: { field } });
    expect(application.submitted).toEqual([]);
  });

  it('begins nothing twice under one key', async () => {
    const { client, application } = open();
    await client.backups.create({ ...backup, rotation: 7 }, { idempotencyKey: 'k' });
    expect(application.keys).toEqual(['k']);
  });
});

describe('lists, plans and status of backups', () => {
  it('are what the application says', async () => {
    const { client, application } = open();
    expect(await client.backups.list({ instance: 'web-1', backupType: 'daily', limit: 2, marker: 'm' })).toEqual([
      sampleBackup,
    ]);
    expect(await client.backups.plan({ instance: 'web-1', type: 'daily', rotation: 3 })).toEqual([sampleBackupPlan]);
    expect(await client.backups.plan({})).toEqual([sampleBackupPlan]);
    expect(await client.backups.status({ instance: 'web-1', days: 30 })).toEqual([sampleBackupStatus]);
    expect(await client.backups.status()).toEqual([sampleBackupStatus]);
    expect(application.filters).toEqual([
      // one more, to know whether there is a next page
      { instance: 'web-1', backupType: 'daily', limit: 3, marker: 'm' },
      { instance: 'web-1', backupType: 'daily', retention: { kind: 'rotation', count: 3 } },
      { retention: null },
      { instance: 'web-1', days: 30 },
      { days: 14 },
    ]);
  });

  it('plan without a body', async () => {
    const { app, application } = open();
    expect((await app.inject({ method: 'POST', url: '/v1/backups/plan' })).statusCode).toBe(200);
    expect(application.filters).toEqual([{ retention: null }]);
  });

  it.each([
    ['/v1/backups?type=a%20b', 'type'],
    ['/v1/backups?frob=1', 'frob'],
    ['/v1/backups?limit=0', 'limit'],
    ['/v1/backups/status?days=0', 'days'],
    ['/v1/backups/status?days=367', 'days'],
    ['/v1/backups/status?days=1e1', 'days'],
  ])('refuse GET %s', async (url, field) => {
    const response = await open().app.inject({ url });
    expect([response.statusCode, response.json().error.fields]).toEqual([400, { field }]);
  });

  it('refuse to plan by two rules', async () => {
    const payload = { rotation: 3, keep: { daily: 3 } };
    const response = await open().app.inject({ method: 'POST', url: '/v1/backups/plan', payload });
    expect([response.statusCode, response.json().error.fields]).toEqual([400, { field: 'rotation' }]);
  });
});

const schedule = { selector: { kind: 'all' as const }, cron: '@daily', type: 'daily', rotation: 7 };

describe('routes of schedules', () => {
  it('make one with 201', async () => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url: '/v1/schedules', payload: schedule });
    expect([response.statusCode, response.json()]).toEqual([201, sampleSchedule]);
    expect(application.filters).toEqual([
      {
        selector: { kind: 'all' },
        cron: '@daily',
        timezone: 'UTC',
        backupType: 'daily',
        retention: { kind: 'rotation', count: 7 },
        consistency: 'auto',
        policy: null,
        jitterMs: 0,
        bootEvery: 0,
      },
    ]);
  });

  it('list, show, pause, run and delete it', async () => {
    const { client, app, application } = open();
    const { id } = sampleSchedule;
    expect(await client.schedules.list()).toEqual([sampleSchedule]);
    expect(await client.schedules.show(id)).toEqual(sampleSchedule);
    expect(await client.schedules.setPaused(id, { isPaused: true })).toEqual({ ...sampleSchedule, isPaused: true });
    expect(await client.schedules.run(id)).toEqual([sampleScheduleRun]);
    expect(await client.schedules.listRuns(id)).toEqual([sampleScheduleRun]);
    expect(await client.schedules.listRuns(id, { limit: 3 })).toEqual([sampleScheduleRun]);
    expect(application.filters.slice(-2)).toEqual([{ limit: 20 }, { limit: 3 }]);
    const response = await app.inject({ method: 'DELETE', url: `/v1/schedules/${id}` });
    expect([response.statusCode, response.body]).toEqual([204, '']);
    await client.schedules.delete(id);
  });

  it('answer SCHEDULE_NOT_FOUND for one that is not there', async () => {
    const { client } = open();
    for (const wish of [
      () => client.schedules.show('none'),
      () => client.schedules.show('..'),
      () => client.schedules.delete('none'),
      () => client.schedules.setPaused('none', { isPaused: true }),
      () => client.schedules.run('none'),
      () => client.schedules.listRuns('none'),
    ]) {
      await expect(wish()).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' });
    }
  });

  it.each<[object, string]>([
    [{ selector: { kind: 'some' } }, 'selector.kind'],
    [{ selector: { kind: 'instance' } }, 'selector.instance'],
    [{ selector: { kind: 'label', key: 'k' } }, 'selector.value'],
    [{ selector: { kind: 'all', instance: 'web-1' } }, 'selector.instance'],
    [{ cron: '' }, 'cron'],
    [{ cron: undefined }, 'cron'],
    [{ type: undefined }, 'type'],
    [{ rotation: undefined }, 'rotation'],
    [{ rotation: -1 }, 'rotation'],
    [{ keep: { daily: 1 } }, 'rotation'],
    [{ timezone: '' }, 'timezone'],
    [{ policy: { consistency: 'quiesced' } }, 'policy.maxAgeMs'],
    [{ policy: { maxAgeMs: 59_999 } }, 'policy.maxAgeMs'],
    [{ policy: { consistency: 'auto', maxAgeMs: 60_000 } }, 'policy.consistency'],
    [{ jitterMs: -1 }, 'jitterMs'],
    [{ jitterMs: 86_400_001 }, 'jitterMs'],
    [{ bootEvery: 1001 }, 'bootEvery'],
    [{ isPaused: true }, 'isPaused'],
  ])('refuse a schedule with %j', async (changes, field) => {
    const { app, application } = open();
    const response = await app.inject({ method: 'POST', url: '/v1/schedules', payload: { ...schedule, ...changes } });
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toMatchObject({ code: 'INVALID_REQUEST', fields: { field } });
    expect(application.filters).toEqual([]);
  });

  it.each([{}, { isPaused: 'yes' }, { cron: '@daily', isPaused: true }])('refuse the change %j', async (payload) => {
    const response = await open().app.inject({ method: 'PATCH', url: `/v1/schedules/${sampleSchedule.id}`, payload });
    expect(response.statusCode).toBe(400);
  });
});

describe('readers', () => {
  it('look at backups and schedules, and change none', async () => {
    const host = serveHost();
    await host.addPrincipal('eve', 'reader');
    const { id } = sampleSchedule;
    const refused = [
      ['POST', '/v1/backups', { ...backup, rotation: 7 }],
      ['POST', '/v1/schedules', schedule],
      ['PATCH', `/v1/schedules/${id}`, { isPaused: true }],
      ['DELETE', `/v1/schedules/${id}`, undefined],
      ['POST', `/v1/schedules/${id}/run`, undefined],
    ] as const;
    for (const [method, url, body] of refused) {
      const response = await host.send('eve', { method, url, ...(body === undefined ? {} : { body }) });
      expect([url, response.statusCode]).toEqual([url, 403]);
    }
    for (const [method, url] of [
      ['GET', '/v1/backups'],
      ['GET', '/v1/backups/status'],
      ['POST', '/v1/backups/plan'],
      ['GET', '/v1/schedules'],
    ] as const) {
      expect([url, (await host.send('eve', { method, url })).statusCode]).toEqual([url, 200]);
    }
  });
});
