import { beforeEach, describe, expect, it } from 'vitest';
import { makeImage } from '../../../support/sample-images.ts';
import { makeInstance, makeScheduledHost, type ScheduledHost } from './scheduled-host.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DEMANDING = {
  selector: { kind: 'all' },
  cron: '0 10 * * *',
  timezone: 'UTC',
  backupType: 'daily',
  policy: { consistency: 'paused', maxAgeMs: 26 * HOUR_MS },
} as const;
let host: ScheduledHost;

beforeEach(() => {
  host = makeScheduledHost('2026-05-01T10:00:30.000Z');
  host.state.instances = [makeInstance('web')];
});

const events = () => host.state.told.map(({ event, instance }) => `${event} ${instance.id}`);

async function passHours(hours: number): Promise<void> {
  for (let minutes = 0; minutes < hours * 60; minutes += 30) {
    host.pass(30 * MINUTE_MS);
    await host.turn();
  }
}

function addBackup(achieved: 'quiesced' | 'paused' | 'crash' = 'quiesced', instance = 'web'): void {
  const createdAt = host.clock.now().toISOString();
  const consistency = { requested: 'auto', achieved, freezeMs: 0, pauseMs: 0 } as const;
  const properties = { image_type: 'backup', backup_type: 'daily', instance_uuid: instance };
  host.state.images.push(makeImage(`at-${createdAt}`, { createdAt, consistency, properties }));
}

describe('backups that a schedule demands', () => {
  it('are overdue once they are too old, which is told once, and again when it happens again', async () => {
    await host.addSchedule(DEMANDING);
    addBackup();
    await passHours(26);
    expect(events()).toEqual([]);
    expect(host.state.overdue).toEqual([]);
    await passHours(10);
    expect(events()).toEqual(['backup.overdue web']);
    expect(host.state.overdue).toEqual(['web']);
    addBackup();
    await passHours(1);
    expect(host.state.overdue).toEqual([]);
    await passHours(30);
    expect(events()).toEqual(['backup.overdue web', 'backup.overdue web']);
    expect(new Set(host.state.told.map(({ id }) => id)).size).toBe(2);
  });

  it('are overdue when the newest is less than what is demanded', async () => {
    await host.addSchedule(DEMANDING);
    addBackup('crash');
    await passHours(0.5);
    expect(events()).toEqual(['backup.overdue web']);
    expect(host.state.told[0]).toMatchObject({ host: 'host-a', backupType: 'daily', error: null });
  });

  it('are told under the same id by an agent that begins anew', async () => {
    await host.addSchedule(DEMANDING);
    addBackup('crash');
    await host.turn();
    host.restart();
    await host.turn();
    expect(host.state.told).toHaveLength(2);
    expect(host.state.told[0]?.id).toBe(host.state.told[1]?.id);
  });

  it('are not overdue before there was the time for one, of a new schedule or a new instance', async () => {
    await host.addSchedule({ ...DEMANDING, cron: '0 0 1 1 *' });
    await passHours(26);
    expect(events()).toEqual([]);
    host.state.instances.push(makeInstance('new'));
    await passHours(1);
    expect(events()).toEqual(['backup.overdue web']);
    await passHours(24);
    expect(events()).toEqual(['backup.overdue web']);
    await passHours(2);
    expect(events()).toEqual(['backup.overdue web', 'backup.overdue new']);
  });

  it('are not missed of instances that are shelved or gone, nor for schedules that are paused', async () => {
    const { id } = await host.addSchedule(DEMANDING);
    addBackup('crash');
    host.state.instances = [makeInstance('web', { state: 'shelved' })];
    await host.turn();
    host.state.instances = [];
    host.restart();
    await host.turn();
    host.state.instances = [makeInstance('web')];
    await host.book.setPaused(id, true);
    host.restart();
    await host.turn();
    expect(events()).toEqual([]);
  });

  it('are read seldom while all is well, and each minute while it is not', async () => {
    await host.addSchedule({ ...DEMANDING, cron: '0 0 1 1 *' });
    addBackup();
    for (let turns = 0; turns < 720; turns += 1) {
      host.pass(5000);
      await host.turn();
    }
    expect(host.state.looks).toBe(6);
    host.state.images = [];
    addBackup('crash');
    host.pass(10 * MINUTE_MS);
    host.state.looks = 0;
    for (let turns = 0; turns < 120; turns += 1) {
      host.pass(5000);
      await host.turn();
    }
    expect(host.state.looks).toBe(10);
  });
});
