import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Backup } from '../../../src/model/backup/backup.ts';
import { listBackups } from '../../../src/operations/list-backups.ts';
import { planBackups } from '../../../src/operations/plan-backups.ts';
import { expectFailure } from '../../support/expect-failure.ts';
import { makeImage, publishImage } from '../../support/sample-images.ts';
import { ANN, type BackupWorld, BOB, createBackupWorld, INSTANCES } from './backup-world.ts';

let world: BackupWorld;
beforeEach(async () => {
  world = await createBackupWorld();
});
afterEach(() => world.dispose());

const keeps = (backups: readonly Backup[]) =>
  backups.map(({ id, keep }) => `${Number(id.slice(-3))}: ${keep.join(' ')}`);

describe('the list of backups', () => {
  it('has backups alone, newest first, with the names of their instances', async () => {
    await world.backup(1);
    await world.backup(2, { of: INSTANCES.away });
    await world.backup(3, { of: INSTANCES.gone });
    await publishImage(world.core.store, makeImage('00000001-0000-4000-8000-000000000009'));
    const listed = await listBackups(world.core);
    expect(listed.map(({ id, instanceName }) => [Number(id.slice(-3)), instanceName])).toEqual([
      [3, null],
      [2, 'away'],
      [1, 'web-1'],
    ]);
  });

  it('tells what keeps each by all schedules of its instance and type', async () => {
    for (const number of [1, 2, 3, 4]) await world.backup(number, { protected: number === 1 });
    await world.schedule(1, { retention: { kind: 'rotation', count: 1 } });
    await world.schedule(2, {
      selector: { kind: 'all' },
      retention: {
        kind: 'tiers',
        counts: { hourly: 0, daily: 2, weekly: 0, monthly: 0, yearly: 0 },
        timezone: 'Europe/Berlin',
      },
    });
    await world.schedule(3, { backupType: 'weekly' });
    await world.schedule(4, { selector: { kind: 'instance', instanceId: INSTANCES.anns } });
    expect(keeps(await listBackups(world.core))).toEqual([
      '4: rotation-1 daily-1',
      '3: daily-2',
      '2: ',
      '1: protected',
    ]);
  });

  it('says that nothing lets go what no schedule is for', async () => {
    await world.backup(1, { type: 'monthly', protected: true });
    await world.backup(2, { of: INSTANCES.gone });
    await world.schedule(1, { selector: { kind: 'all' } });
    expect(keeps(await listBackups(world.core))).toEqual(['2: no rule', '1: no rule protected']);
  });

  it('knows the rule of an instance that is gone but was meant by its id', async () => {
    await world.backup(2, { of: INSTANCES.gone });
    await world.schedule(1, { selector: { kind: 'instance', instanceId: INSTANCES.gone } });
    expect(keeps(await listBackups(world.core))).toEqual(['2: rotation-1']);
  });

  it('knows the rule of all of a host for what that host shelved, and for nothing that another one did', async () => {
    await world.backup(1, { of: INSTANCES.away });
    await world.schedule(1, { selector: { kind: 'all' } });
    expect(keeps(await listBackups(world.core))).toEqual(['1: rotation-1']);
    const elsewhere = { ...world.core, hostName: 'host-b' };
    expect(keeps(await listBackups(elsewhere))).toEqual(['1: no rule']);
  });

  it('has the same reasons on every page', async () => {
    for (const number of [1, 2, 3]) await world.backup(number);
    await world.schedule(1, { retention: { kind: 'rotation', count: 2 } });
    const [first] = await listBackups(world.core, { limit: 1 });
    const rest = await listBackups(world.core, { marker: first?.id ?? '' });
    expect(keeps(rest)).toEqual(['2: rotation-2', '1: ']);
  });

  it.each([
    [{ instance: 'web-1' }, [2, 1]],
    [{ instance: INSTANCES.hosts.toUpperCase() }, [2, 1]],
    [{ instance: 'away' }, [3]],
    [{ instance: INSTANCES.gone }, [4]],
    [{ instance: 'web-1', backupType: 'weekly' }, [2]],
    [{ backupType: 'none' }, []],
  ])('is narrowed by %j', async (filter, numbers) => {
    await world.backup(1);
    await world.backup(2, { type: 'weekly' });
    await world.backup(3, { of: INSTANCES.away });
    await world.backup(4, { of: INSTANCES.gone });
    expect((await listBackups(world.core, filter)).map(({ id }) => Number(id.slice(-3)))).toEqual(numbers);
  });

  it('does not know an instance that is not there, or is somebody else’s', async () => {
    await expectFailure(listBackups(world.core, { instance: 'none' }), 'INSTANCE_NOT_FOUND');
    await expectFailure(listBackups(world.as(BOB), { instance: 'anns' }), 'INSTANCE_NOT_FOUND');
    await expectFailure(listBackups(world.as(BOB), { instance: INSTANCES.anns }), 'INSTANCE_NOT_FOUND');
  });
});

describe('what others see of backups', () => {
  beforeEach(async () => {
    await world.backup(1, { of: INSTANCES.anns, owner: 'ann' });
    await world.backup(2, { of: INSTANCES.anns, owner: 'ann', visibility: 'shared', members: ['bob', 'eve'] });
    await world.backup(3, { of: INSTANCES.anns, owner: null });
  });

  it('is what they may see of images', async () => {
    expect((await listBackups(world.as(ANN))).map(({ members }) => members)).toEqual([['bob', 'eve'], []]);
    expect((await listBackups(world.as(BOB))).map(({ members, instanceName }) => [members, instanceName])).toEqual([
      [['bob'], null],
    ]);
    expect(await listBackups(world.core)).toHaveLength(3);
  });

  it('is kept by the rule of its owner, whoever looks', async () => {
    const selector = { kind: 'all' } as const;
    await world.schedule(1, { selector, owner: 'ann', role: 'operator', retention: { kind: 'rotation', count: 1 } });
    const all = ['3: no rule', '2: rotation-1', '1: '];
    expect(keeps(await listBackups(world.core))).toEqual(all);
    expect(keeps(await listBackups(world.as(BOB)))).toEqual(['2: rotation-1']);
  });

  it('is not kept by the rule of somebody who does not see the instance', async () => {
    await world.backup(4, { of: INSTANCES.anns, owner: 'bob' });
    await world.schedule(1, { selector: { kind: 'all' }, owner: 'bob', role: 'operator' });
    expect(keeps(await listBackups(world.as(BOB)))[0]).toBe('4: no rule');
  });
});

describe('the plan of a rule', () => {
  it('says what would stay, what would go and what that frees', async () => {
    for (const number of [1, 2, 3, 4]) await world.backup(number, { protected: number === 1, sizeBytes: number * 100 });
    await world.backup(5, { status: 'error' });
    const plans = await planBackups(world.core, { retention: { kind: 'rotation', count: 2 } });
    expect(plans).toMatchObject([
      { instanceId: INSTANCES.hosts, instanceName: 'web-1', backupType: 'daily', scheduleId: null, freedBytes: 200 },
    ]);
    expect(keeps(plans[0]?.backups ?? [])).toEqual([
      '5: not active',
      '4: rotation-1',
      '3: rotation-2',
      '2: ',
      '1: protected',
    ]);
    expect(await listBackups(world.core)).toHaveLength(5);
  });

  it('is made for each instance and type', async () => {
    await world.backup(1);
    await world.backup(2, { type: 'weekly' });
    await world.backup(3, { of: INSTANCES.away });
    const retention = { kind: 'rotation', count: 0 } as const;
    const groups = async (filter: object) =>
      (await planBackups(world.core, { ...filter, retention })).map((plan) => [plan.instanceName, plan.backupType]);
    expect(await groups({})).toEqual([
      ['away', 'daily'],
      ['web-1', 'weekly'],
      ['web-1', 'daily'],
    ]);
    expect(await groups({ instance: 'web-1' })).toHaveLength(2);
    expect(await groups({ instance: 'web-1', backupType: 'weekly' })).toEqual([['web-1', 'weekly']]);
    await expectFailure(planBackups(world.core, { instance: 'none', retention }), 'INSTANCE_NOT_FOUND');
  });

  it('is that of each schedule where none is given', async () => {
    await world.backup(1);
    await world.backup(2);
    const first = await world.schedule(1, { retention: { kind: 'rotation', count: 1 } });
    const second = await world.schedule(2, { selector: { kind: 'all' } });
    await world.schedule(3, { selector: { kind: 'instance', instanceId: INSTANCES.away } });
    const plans = await planBackups(world.core, { retention: null });
    expect(plans.map(({ scheduleId, backups }) => [scheduleId, keeps(backups)])).toEqual([
      [first, ['2: rotation-1', '1: ']],
      [second, ['2: rotation-1', '1: rotation-2']],
    ]);
  });

  it('is of the caller’s own backups and schedules alone', async () => {
    await world.backup(1, { of: INSTANCES.anns, owner: 'ann' });
    await world.backup(2, { of: INSTANCES.anns, owner: 'bob', visibility: 'public' });
    await world.schedule(1, { selector: { kind: 'all' } });
    const mine = await world.schedule(2, { selector: { kind: 'all' }, owner: 'ann', role: 'operator' });
    const plans = await planBackups(world.as(ANN), { retention: null });
    expect(plans.map(({ scheduleId, backups }) => [scheduleId, keeps(backups)])).toEqual([[mine, ['1: rotation-1']]]);
    const given = await planBackups(world.as(ANN), { retention: { kind: 'rotation', count: 0 } });
    expect(given.map(({ backups }) => keeps(backups))).toEqual([['1: ']]);
  });

  it('is refused for a rule that is none', async () => {
    const counts = { hourly: 0, daily: 1, weekly: 0, monthly: 0, yearly: 0 };
    for (const retention of [
      { kind: 'rotation', count: -1 },
      { kind: 'tiers', counts, timezone: 'Mars/Olympus' },
    ] as const) {
      await expectFailure(planBackups(world.core, { retention }), 'INVALID_REQUEST');
    }
  });
});
