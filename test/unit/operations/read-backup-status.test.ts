import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackupStatus } from '../../../src/model/backup/backup.ts';
import { readBackupStatus } from '../../../src/operations/read-backup-status.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { ANN, type BackupWorld, BOB, createBackupWorld, dayOf, INSTANCES, NOW } from './backup-world.ts';

let world: BackupWorld;
beforeEach(async () => {
  world = await createBackupWorld();
});
afterEach(() => world.dispose());

const HOUR_MS = 3_600_000;

async function ofHosts(core = world.core): Promise<BackupStatus> {
  const [status] = await readBackupStatus(core, { instance: 'web-1', days: 3 });
  if (status === undefined) throw new Error('no status');
  return status;
}

describe('the status of an instance', () => {
  it('is empty where nothing is done for it', async () => {
    expect(await ofHosts()).toEqual({
      instanceId: INSTANCES.hosts,
      instanceName: 'web-1',
      lastBackup: null,
      lastBoot: null,
      nextRunAt: null,
      scheduleIds: [],
      failures: 0,
      lastFailure: null,
      alerts: [],
      days: [
        { date: '2026-03-08', outcome: 'none' },
        { date: '2026-03-09', outcome: 'none' },
        { date: '2026-03-10', outcome: 'none' },
      ],
    });
  });

  it('has its newest backup that can be used, and the newest that was booted', async () => {
    const booted = await world.backup(7, { bootProof: { at: dayOf(8), hasBooted: true } });
    await world.backup(8, { type: 'weekly' });
    const last = await world.backup(9, { consistency: null });
    await world.backup(10, { status: 'error', bootProof: { at: dayOf(10), hasBooted: false } });
    expect(await ofHosts()).toMatchObject({
      lastBackup: {
        imageId: last,
        backupType: 'daily',
        createdAt: dayOf(9),
        ageMs: NOW.getTime() - Date.parse(dayOf(9)),
        consistency: null,
      },
      lastBoot: { imageId: booted, at: dayOf(8), hasBooted: true },
      days: [{ outcome: 'good', consistency: 'paused' }, { outcome: 'good' }, { outcome: 'none' }],
    });
  });

  it('has the next time of its schedules that are not paused', async () => {
    const late = await world.schedule(1, { cron: '0 18 * * *', timezone: 'UTC' });
    expect((await ofHosts()).nextRunAt).toBe('2026-03-10T18:00:00.000Z');
    const soon = await world.schedule(2, { cron: '0 13 * * *', timezone: 'UTC', isPaused: true });
    expect(await ofHosts()).toMatchObject({ nextRunAt: '2026-03-10T18:00:00.000Z', scheduleIds: [late, soon] });
    await world.schedule(3, { cron: '0 18 * * *', timezone: 'Asia/Tokyo', selector: { kind: 'all' } });
    expect((await ofHosts()).nextRunAt).toBe('2026-03-10T18:00:00.000Z');
    await world.schedule(4, { cron: '30 12 * * *', timezone: 'UTC', selector: { kind: 'all' } });
    expect((await ofHosts()).nextRunAt).toBe('2026-03-10T12:30:00.000Z');
  });

  it('begins next with a run that waits, such as one that is tried again', async () => {
    const scheduleId = await world.schedule(1, { cron: '0 18 * * *', timezone: 'UTC' });
    await world.run(1, { scheduleId, status: 'waiting', startAt: '2026-03-10T12:05:00.000Z', endedAt: null });
    expect((await ofHosts()).nextRunAt).toBe('2026-03-10T12:05:00.000Z');
  });

  it('counts what failed since the last success, and says why the last time', async () => {
    const scheduleId = await world.schedule(1);
    await world.run(1, { scheduleId, dueAt: dayOf(7), status: 'failed' });
    await world.run(2, { scheduleId, dueAt: dayOf(8), status: 'succeeded', reason: null });
    await world.run(3, { scheduleId, dueAt: dayOf(9), status: 'failed', endedAt: dayOf(9) });
    const reason = { code: 'NO_SPACE', message: 'full' };
    await world.run(4, { scheduleId, dueAt: dayOf(10), status: 'failed', reason, endedAt: null });
    expect(await ofHosts()).toMatchObject({
      failures: 2,
      lastFailure: { at: dayOf(10), ...reason },
      days: [{ outcome: 'good', consistency: null }, { outcome: 'failed' }, { outcome: 'failed' }],
    });
  });

  it('tells what a policy misses', async () => {
    const policy = { consistency: 'quiesced', maxAgeMs: 26 * HOUR_MS } as const;
    await world.schedule(1, { policy });
    expect((await ofHosts()).alerts).toEqual(['no daily backup for more than 26 hours: there is none']);
    await world.backup(9, { consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 1, pauseMs: 0 } });
    expect((await ofHosts()).alerts).toEqual([expect.stringContaining(dayOf(9))]);
    await world.backup(10, { consistency: { requested: 'auto', achieved: 'offline', freezeMs: 0, pauseMs: 0 } });
    expect((await ofHosts()).alerts).toEqual([]);
    await world.schedule(2, { policy, backupType: 'weekly' });
    expect((await ofHosts()).alerts).toEqual([expect.stringContaining('no weekly backup')]);
  });

  it('is well while it is shelved: it can neither change nor be backed up', async () => {
    const policy = { consistency: 'crash', maxAgeMs: HOUR_MS } as const;
    const selector = { kind: 'instance', instanceId: INSTANCES.away } as const;
    const id = await world.schedule(1, { policy, selector });
    const [status] = await readBackupStatus(world.core, { instance: 'away', days: 1 });
    expect(status).toMatchObject({ scheduleIds: [id], alerts: [] });
  });
});

describe('the status of all instances', () => {
  const names = async (core = world.core) =>
    (await readBackupStatus(core, { days: 1 })).map(({ instanceName, instanceId }) => instanceName ?? instanceId);

  it('is by name, with those that are gone and have left backups or schedules', async () => {
    expect(await names()).toEqual(['anns', 'away', 'web-1']);
    await world.backup(1, { of: INSTANCES.gone });
    expect(await names()).toEqual([INSTANCES.gone, 'anns', 'away', 'web-1']);
    const selector = { kind: 'instance', instanceId: INSTANCES.gone } as const;
    const scheduleId = await world.schedule(1, { selector });
    await world.run(1, { scheduleId, instanceId: INSTANCES.gone, instanceName: 'was-here', status: 'skipped' });
    expect(await names()).toEqual(['anns', 'away', 'was-here', 'web-1']);
  });

  it('says nothing of what the caller does not see', async () => {
    await world.backup(9, { of: INSTANCES.anns, owner: 'ann', visibility: 'public' });
    await world.backup(8, { of: INSTANCES.hosts });
    const scheduleId = await world.schedule(1, { policy: { consistency: 'crash', maxAgeMs: HOUR_MS } });
    await world.run(1, { scheduleId, status: 'failed' });
    expect(await names(world.as(BOB))).toEqual(['away', 'web-1']);
    expect(await names(world.as(ANN))).toEqual(['anns', 'away', 'web-1']);
    expect(await ofHosts(world.as(ANN))).toMatchObject({
      lastBackup: null,
      nextRunAt: null,
      scheduleIds: [],
      failures: 0,
      alerts: [],
    });
    expect(await ofHosts()).toMatchObject({ failures: 1, scheduleIds: [scheduleId], alerts: [expect.any(String)] });
    await expectFailure(readBackupStatus(world.as(BOB), { instance: 'anns', days: 1 }), 'INSTANCE_NOT_FOUND');
  });
});
