import { beforeEach, describe, expect, it } from 'vitest';
import { makeInstance, makeScheduledHost, type ScheduledHost } from './scheduled-host.ts';

const MINUTE_MS = 60_000;
const HOURLY = { selector: { kind: 'all' }, cron: '0 * * * *', timezone: 'UTC', backupType: 'hourly' } as const;
let host: ScheduledHost;

beforeEach(() => {
  host = makeScheduledHost('2026-05-01T09:30:00.000Z');
  host.state.instances = [makeInstance('web')];
});

const asked = () =>
  host.state.submitted.map(({ request }) =>
    'instance' in request ? request.instance : 'image' in request ? request.image : '',
  );
const statuses = async () => (await host.listRuns()).map(({ status }) => status);

async function turnAt(time: string): Promise<void> {
  host.setTime(`2026-05-01T${time}.000Z`);
  await host.turn();
}

describe('a schedule that is due', () => {
  it('begins a backup on behalf of its owner, by its rules', async () => {
    await host.addSchedule({ ...HOURLY, owner: 'ann', role: 'operator', consistency: 'quiesced' });
    await turnAt('09:59:59');
    expect(host.state.submitted).toEqual([]);
    await turnAt('10:00:00');
    const [run] = await host.listRuns();
    expect(run).toMatchObject({ status: 'running', attempts: 1, operationId: 'op-0', reason: null });
    expect(host.state.submitted[0]).toMatchObject({
      caller: 'ann',
      key: `schedule:${run?.id}:1`,
      request: {
        kind: 'backup.create',
        instance: 'web',
        name: 'name-of-web-hourly-20260501T1000Z',
        consistency: 'quiesced',
        backupType: 'hourly',
        retention: { kind: 'rotation', count: 7 },
      },
    });
    await host.turn();
    expect(asked()).toEqual(['web']);
  });

  it('says when the next turn has something to do, to the millisecond', async () => {
    await host.addSchedule({ ...HOURLY, jitterMs: 0 });
    await host.turn();
    expect(host.msToNextTurn(Number.POSITIVE_INFINITY)).toBe(30 * MINUTE_MS);
    expect(host.msToNextTurn(5000)).toBe(5000);
    host.setTime('2026-05-01T09:59:58.500Z');
    expect(host.msToNextTurn(5000)).toBe(1500);
    expect(host.state.nextRuns).toEqual(['2026-05-01T10:00:00.000Z']);
  });

  it('waits for its jitter', async () => {
    await host.addSchedule({ ...HOURLY, jitterMs: 30 * MINUTE_MS });
    await turnAt('10:00:00');
    expect(await statuses()).toEqual(['waiting']);
    host.pass(host.msToNextTurn(Number.POSITIVE_INFINITY) - 1);
    await host.turn();
    expect(await statuses()).toEqual(['waiting']);
    host.pass(1);
    await host.turn();
    expect(await statuses()).toEqual(['running']);
  });

  it('catches up what a downtime missed, once', async () => {
    await host.addSchedule(HOURLY);
    await turnAt('15:20:00');
    expect((await host.listRuns()).map(({ dueAt }) => dueAt)).toEqual(['2026-05-01T15:00:00.000Z']);
    expect(asked()).toEqual(['web']);
  });

  it('does nothing while it is paused, nor afterwards for what passed', async () => {
    const { id } = await host.addSchedule(HOURLY);
    await host.book.setPaused(id, true);
    await turnAt('12:10:00');
    expect(host.state.nextRuns).toEqual([]);
    await host.book.setPaused(id, false);
    await turnAt('12:20:00');
    expect(await host.listRuns()).toEqual([]);
    await turnAt('13:00:00');
    expect(asked()).toEqual(['web']);
  });

  it('goes on from now when the clock was set back, and does not wait for what was put off by the other time', async () => {
    await host.addSchedule(HOURLY);
    await turnAt('23:00:00');
    host.state.refusals.set('web', 'INSTANCE_BUSY');
    await host.turn();
    host.end(host.find('op-0'), 'failed', 'COPY_FAILED');
    await host.turn();
    expect(await statuses()).toEqual(['waiting']);
    host.state.refusals.clear();
    await turnAt('09:45:00');
    expect(host.log.lines.filter(({ message }) => message.includes('set back'))).toHaveLength(1);
    expect(await statuses()).toEqual(['running']);
    host.end(host.find('op-1'), 'succeeded');
    await turnAt('10:00:00');
    expect(await statuses()).toEqual(['running', 'succeeded']);
  });

  it('skips what is shelved, gone, or at work still', async () => {
    host.state.instances = [makeInstance('web'), makeInstance('cold', { state: 'shelved' })];
    await host.addSchedule(HOURLY);
    const gone = { kind: 'instance', instanceId: 'gone' } as const;
    await host.addSchedule({ ...HOURLY, id: 'of-one', selector: gone });
    await turnAt('10:00:00');
    await turnAt('11:00:00');
    const runs = (await host.listRuns()).map(({ instanceId, status, reason }) => [instanceId, status, reason?.code]);
    expect(new Set(runs.map((run) => run.join(' ')))).toEqual(
      new Set([
        'web running ',
        'cold skipped INSTANCE_STATE',
        'gone skipped INSTANCE_NOT_FOUND',
        'web skipped SCHEDULE_BUSY',
      ]),
    );
    expect(runs).toHaveLength(6);
    expect(asked()).toEqual(['web']);
    expect(host.state.counts.get('skipped')).toBe(5);
  });

  it('of all instances is of those of this host, in a store that others share', async () => {
    host.state.instances = [
      makeInstance('web'),
      makeInstance('theirs', { state: 'shelved', host: 'host-b' }),
      makeInstance('nowhere', { state: 'shelved_offloaded', host: null }),
    ];
    await host.addSchedule(HOURLY);
    await turnAt('10:00:00');
    expect((await host.listRuns()).map(({ instanceId }) => instanceId)).toEqual(['web']);
    host.end(host.find('op-0'), 'succeeded');
    host.state.instances = [makeInstance('web', { state: 'shelved_offloaded', host: null })];
    await turnAt('11:00:00');
    expect(await statuses()).toEqual(['succeeded', 'skipped']);
  });

  it('is not lost when libvirt cannot be asked, and holds up no other', async () => {
    await host.addSchedule(HOURLY);
    await turnAt('10:00:00');
    host.end(host.find('op-0'), 'succeeded');
    const { addRuns } = host.book;
    host.book.addRuns = async () => Promise.reject(new Error('libvirt is away'));
    host.setTime('2026-05-01T11:00:00.000Z');
    await expect(host.turn()).rejects.toThrow('libvirt is away');
    expect(await statuses()).toEqual(['succeeded']);
    expect(host.msToNextTurn(5000)).toBe(5000);
    host.book.addRuns = addRuns;
    await turnAt('11:04:00');
    expect((await host.listRuns()).at(-1)).toMatchObject({ status: 'running', dueAt: '2026-05-01T11:00:00.000Z' });
  });
});

it('does not turn without rest while the book cannot be read', async () => {
  await host.addSchedule(HOURLY);
  await host.turn();
  host.book.list = async () => Promise.reject(new Error('the book is away'));
  host.setTime('2026-05-01T10:00:00.000Z');
  await expect(host.turn()).rejects.toThrow('the book is away');
  expect(host.msToNextTurn(5000)).toBe(5000);
});

describe('runs that wait', () => {
  it('begin as many at a time as may, the oldest first, and the next when one is over', async () => {
    host.state.instances = [makeInstance('a'), makeInstance('b'), makeInstance('c')];
    await host.addSchedule(HOURLY);
    await turnAt('10:00:00');
    expect(asked()).toHaveLength(2);
    host.state.instances.push(makeInstance('d'));
    await turnAt('11:00:00');
    const [first] = host.state.submitted;
    if (first !== undefined) host.end(first, 'succeeded');
    await host.turn();
    expect(asked()).toHaveLength(3);
    expect(new Set(asked())).toEqual(new Set(['a', 'b', 'c']));
    host.settings.maxConcurrentBackups = 3;
    await host.turn();
    expect(asked()[3]).toBe('d');
  });

  it('are not begun by an agent that stops', async () => {
    await host.addSchedule(HOURLY);
    host.setTime('2026-05-01T10:00:00.000Z');
    await host.turnAborted();
    expect(host.state.submitted).toEqual([]);
    await host.turn();
    expect(asked()).toEqual(['web']);
  });

  it('find the operation that an agent began before it died', async () => {
    await host.addSchedule(HOURLY);
    const { saveRun } = host.book;
    host.book.saveRun = async () => Promise.reject(new Error('killed'));
    host.setTime('2026-05-01T10:00:00.000Z');
    await expect(host.turn()).rejects.toThrow('killed');
    expect(await statuses()).toEqual(['waiting']);
    host.book.saveRun = saveRun;
    host.end(host.find('op-0'), 'succeeded');
    host.restart();
    await turnAt('10:05:00');
    await turnAt('10:05:02');
    expect(host.state.submitted).toHaveLength(1);
    expect(await host.listRuns()).toMatchObject([{ status: 'succeeded', attempts: 1, operationId: 'op-0' }]);
  });

  it('wait a minute at a time for who works on their instance, which is no try, and give up after six hours', async () => {
    await host.addSchedule({ ...HOURLY, cron: '0 10 * * *' });
    host.state.refusals.set('web', 'INSTANCE_BUSY');
    await turnAt('10:00:00');
    for (let minutes = 1; minutes < 360; minutes += 1) {
      expect(host.msToNextTurn(Number.POSITIVE_INFINITY)).toBe(MINUTE_MS);
      host.pass(MINUTE_MS);
      await host.turn();
    }
    expect(await host.listRuns()).toMatchObject([
      { status: 'waiting', attempts: 0, reason: { code: 'INSTANCE_BUSY' } },
    ]);
    host.pass(MINUTE_MS);
    await host.turn();
    expect(await host.listRuns()).toMatchObject([{ status: 'failed', attempts: 0, reason: { code: 'INSTANCE_BUSY' } }]);
  });

  it.each(['INSTANCE_STATE', 'INSTANCE_NOT_FOUND'] as const)(
    'are skipped when they are refused with %s',
    async (code) => {
      await host.addSchedule(HOURLY);
      host.state.refusals.set('web', code);
      await turnAt('10:00:00');
      expect(await host.listRuns()).toMatchObject([{ status: 'skipped', reason: { code }, startAt: null }]);
      expect(host.state.told).toEqual([]);
    },
  );

  it('that were asked for by hand begin although the schedule is paused', async () => {
    const schedule = await host.addSchedule({ ...HOURLY, isPaused: true });
    const run = { ...(await import('../samples.ts')).sampleScheduleRun, scheduleId: schedule.id, instanceId: 'web' };
    const startAt = host.clock.now().toISOString();
    const runs = [{ ...run, status: 'waiting' as const, attempts: 0, dueAt: startAt, startAt, endedAt: null }];
    await host.book.addRuns(schedule.id, {
      expected: schedule.handledUntil,
      handledUntil: schedule.handledUntil,
      runs,
    });
    await host.turn();
    expect(await statuses()).toEqual(['running']);
  });
});
