import { beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../src/model/errors.ts';
import { makeInstance, makeScheduledHost, type ScheduledHost } from './scheduled-host.ts';

const DAILY = {
  selector: { kind: 'instance', instanceId: 'web' },
  cron: '0 10 * * *',
  timezone: 'UTC',
  backupType: 'daily',
} as const;
const DAY_MS = 86_400_000;
let host: ScheduledHost;

beforeEach(() => {
  host = makeScheduledHost('2026-05-01T09:30:00.000Z');
  host.state.instances = [makeInstance('web')];
});

const newest = async () => (await host.listRuns()).at(-1);
const events = () => host.state.told.map(({ event }) => event);

async function beginDay(day: number): Promise<void> {
  host.setTime(new Date(Date.parse('2026-05-01T10:00:00.000Z') + (day - 1) * DAY_MS).toISOString());
  await host.turn();
}

/** The newest operation ends so, and the scheduler sees it. */
async function end(status: 'succeeded' | 'failed' | 'cancelled' | 'interrupted', code?: ErrorCode): Promise<void> {
  const last = host.state.submitted.at(-1);
  if (last !== undefined) host.end(last, status, code);
  await host.turn();
}

/** Lets time pass until the next try, and gives the minutes. */
async function waitForTry(): Promise<number> {
  const ms = host.msToNextTurn(Number.POSITIVE_INFINITY);
  host.pass(ms);
  await host.turn();
  return ms / 60_000;
}

/** All tries fail. */
async function failDay(day: number): Promise<void> {
  await beginDay(day);
  await end('failed', 'COPY_FAILED');
  while ((await newest())?.status === 'waiting') {
    await waitForTry();
    await end('failed', 'COPY_FAILED');
  }
}

describe('a backup that was made', () => {
  it('is on record with its image', async () => {
    await host.addSchedule(DAILY);
    await beginDay(1);
    host.pass(60_000);
    await end('succeeded');
    const [image] = host.state.images;
    expect(await newest()).toMatchObject({
      status: 'succeeded',
      imageId: image?.id,
      goodBackups: 1,
      startAt: null,
      endedAt: '2026-05-01T10:01:00.000Z',
      reason: null,
    });
    expect(host.state.counts).toEqual(new Map([['succeeded', 1]]));
    expect(host.state.told).toEqual([]);
  });
});

describe('a backup that failed', () => {
  it('is tried again four times, ever later, and then is a failure that somebody is told of', async () => {
    await host.addSchedule(DAILY);
    await beginDay(1);
    const waits: number[] = [];
    for (let tries = 0; tries < 4; tries += 1) {
      await end(tries % 2 === 0 ? 'failed' : 'interrupted', 'COPY_FAILED');
      expect(await newest()).toMatchObject({ status: 'waiting', attempts: tries + 1, reason: { code: 'COPY_FAILED' } });
      waits.push(await waitForTry());
    }
    expect(waits).toEqual([1, 5, 15, 60]);
    expect(new Set(host.state.submitted.map(({ key }) => key)).size).toBe(5);
    expect(host.state.told).toEqual([]);
    await end('failed', 'NO_SPACE');
    const run = await newest();
    expect(run).toMatchObject({ status: 'failed', attempts: 5, reason: { code: 'NO_SPACE' } });
    expect(host.state.told).toMatchObject([
      {
        event: 'backup.failed',
        host: 'host-a',
        instance: { id: 'web', name: 'name-of-web' },
        scheduleId: run?.scheduleId,
        backupType: 'daily',
        error: { code: 'NO_SPACE', message: 'it broke' },
      },
    ]);
  });

  it('at once is tried again too', async () => {
    await host.addSchedule(DAILY);
    host.state.refusals.set('web', 'LIBVIRT_UNREACHABLE');
    await beginDay(1);
    expect(await newest()).toMatchObject({ status: 'waiting', attempts: 1, operationId: null });
    host.state.refusals.clear();
    await waitForTry();
    expect(await newest()).toMatchObject({ status: 'running', attempts: 2, reason: null });
  });

  it('is not tried again when the next one is due by then', async () => {
    await host.addSchedule({ ...DAILY, cron: '*/10 * * * *' });
    await beginDay(1);
    await end('failed', 'COPY_FAILED');
    await waitForTry();
    await end('failed', 'COPY_FAILED');
    await waitForTry();
    host.pass(1);
    await end('failed', 'COPY_FAILED');
    expect(await newest()).toMatchObject({ status: 'failed', attempts: 3 });
    expect(host.msToNextTurn(Number.POSITIVE_INFINITY)).toBeLessThan(4 * 60_000);
  });

  it('is told once until there is a good one, and that too once', async () => {
    await host.addSchedule(DAILY);
    await failDay(1);
    host.restart();
    await failDay(2);
    host.state.instances = [makeInstance('web', { state: 'shelved' })];
    await beginDay(3);
    host.state.instances = [makeInstance('web')];
    await failDay(4);
    expect(events()).toEqual(['backup.failed']);
    await beginDay(5);
    await end('succeeded');
    await beginDay(6);
    await end('succeeded');
    expect(events()).toEqual(['backup.failed', 'backup.recovered']);
    await failDay(7);
    expect(events()).toEqual(['backup.failed', 'backup.recovered', 'backup.failed']);
    expect(new Set(host.state.told.map(({ id }) => id)).size).toBe(3);
  });

  it('is tried again when the journal that it was in is lost', async () => {
    await host.addSchedule(DAILY);
    await beginDay(1);
    host.state.submitted = [];
    await host.turn();
    expect(await newest()).toMatchObject({ status: 'waiting', attempts: 1 });
    await waitForTry();
    await end('succeeded');
    expect(await newest()).toMatchObject({ status: 'succeeded', attempts: 2 });
  });
});

describe('a backup that was cancelled', () => {
  it('is not tried again when somebody did not want it', async () => {
    await host.addSchedule(DAILY);
    await beginDay(1);
    await end('cancelled', 'CANCELLED');
    expect(await newest()).toMatchObject({ status: 'cancelled', reason: { code: 'CANCELLED' } });
    expect(events()).toEqual([]);
  });

  it('is tried again when it was stopped with its agent', async () => {
    await host.addSchedule(DAILY);
    await beginDay(1);
    const [backup] = host.state.submitted;
    if (backup !== undefined) host.end(backup, 'cancelled', 'CANCELLED');
    host.pass(10_000);
    host.restart();
    await host.turn();
    expect(await newest()).toMatchObject({ status: 'waiting', attempts: 1 });
  });
});

describe('every nth backup', () => {
  const kinds = () => host.state.submitted.map(({ request }) => request.kind);

  it('is booted before it counts as good', async () => {
    await host.addSchedule({ ...DAILY, bootEvery: 1 });
    await beginDay(1);
    await end('succeeded');
    const [image] = host.state.images;
    expect(await newest()).toMatchObject({ status: 'verifying', imageId: image?.id, operationId: 'op-2' });
    expect(host.state.submitted[1]?.request).toEqual({
      kind: 'image.verify',
      image: image?.id,
      isBooted: true,
      expect: null,
      timeoutMs: 300_000,
    });
    await host.turn();
    expect(kinds()).toEqual(['backup.create', 'image.verify']);
    await end('succeeded');
    expect(await newest()).toMatchObject({ status: 'succeeded', imageId: image?.id });
  });

  it('is counted by instance, and whatever the book forgot', async () => {
    await host.addSchedule({ ...DAILY, bootEvery: 3 });
    const booted: number[] = [];
    for (let day = 1; day <= 10; day += 1) {
      await beginDay(day);
      await end('succeeded');
      if ((await newest())?.status !== 'verifying') continue;
      booted.push(day);
      await end('succeeded');
      await host.book.prune(host.clock.now().toISOString());
    }
    expect(booted).toEqual([3, 6, 9]);
  });

  it('that does not boot is a failure, stays, and the next one is booted', async () => {
    await host.addSchedule({ ...DAILY, bootEvery: 2 });
    await beginDay(1);
    await end('succeeded');
    await beginDay(2);
    await end('succeeded');
    await end('failed', 'VERIFY_FAILED');
    expect(await newest()).toMatchObject({ status: 'failed', reason: { code: 'VERIFY_FAILED' } });
    expect(host.state.images).toHaveLength(2);
    expect(events()).toEqual(['backup.failed']);
    await beginDay(3);
    await end('succeeded');
    expect(await newest()).toMatchObject({ status: 'verifying' });
    await end('succeeded');
    expect(events()).toEqual(['backup.failed', 'backup.recovered']);
  });

  it('is booted again when that was interrupted, but not for ever', async () => {
    await host.addSchedule({ ...DAILY, bootEvery: 1 });
    await beginDay(1);
    await end('succeeded');
    await end('interrupted', 'OPERATION_INTERRUPTED');
    expect(kinds()).toEqual(['backup.create', 'image.verify', 'image.verify']);
    for (let tries = 0; tries < 20; tries += 1) await end('interrupted', 'OPERATION_INTERRUPTED');
    expect(kinds().length).toBeLessThan(10);
    expect(await newest()).toMatchObject({ status: 'failed', reason: { code: 'VERIFY_FAILED' } });
  });

  it('waits for who works on the image, and is good where it is gone already', async () => {
    await host.addSchedule({ ...DAILY, bootEvery: 1 });
    await beginDay(1);
    host.state.refusals.set('image-2', 'IMAGE_BUSY');
    host.state.made = 1;
    await end('succeeded');
    expect(await newest()).toMatchObject({ status: 'running' });
    host.state.refusals.set('image-2', 'IMAGE_NOT_FOUND');
    await host.turn();
    expect(await newest()).toMatchObject({ status: 'succeeded', imageId: 'image-2' });
    expect(kinds()).toEqual(['backup.create']);
  });
});

describe('the book', () => {
  it('forgets what is older than 400 days, once a day', async () => {
    await host.addSchedule(DAILY);
    let prunes = 0;
    const { prune } = host.book;
    host.book.prune = async (before) => {
      prunes += 1;
      await prune(before);
    };
    for (let day = 1; day <= 410; day += 1) {
      await beginDay(day);
      await end('succeeded');
    }
    expect(prunes).toBe(410);
    expect(await host.listRuns()).toHaveLength(401);
  });
});
