import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackupSchedule, RunStatus, ScheduleRun } from '../../src/model/backup/schedule.ts';
import type { ScheduleBook } from '../../src/model/ports/schedules.ts';

export interface ScheduleBookUnderTest {
  readonly book: ScheduleBook;
  /** What another process of the host sees of it. */
  readonly other: ScheduleBook;
  readonly dispose: () => Promise<void>;
}

const START = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T01:00:00.000Z';

/** What every book of schedules must do. */
export function describeScheduleBook(name: string, makeSubject: () => Promise<ScheduleBookUnderTest>): void {
  describe(name, () => {
    let subject: ScheduleBookUnderTest;
    let book: ScheduleBook;
    let other: ScheduleBook;
    let schedule: BackupSchedule;

    beforeEach(async () => {
      subject = await makeSubject();
      ({ book, other } = subject);
      schedule = makeSchedule();
    });
    afterEach(async () => await subject.dispose());

    /** Adds runs of the schedule and leaves its time as it is. */
    const addRuns = async (...runs: readonly ScheduleRun[]): Promise<boolean> =>
      await book.addRuns(schedule.id, { expected: START, handledUntil: START, runs });
    const makeOwn = (changes: Partial<ScheduleRun> = {}): ScheduleRun => makeRun(schedule, changes);
    const idsOf = async (filter: Parameters<ScheduleBook['listRuns']>[0]): Promise<readonly string[]> =>
      (await other.listRuns(filter)).map(({ id }) => id);

    describe('a schedule', () => {
      it.each<Partial<BackupSchedule>>([
        {},
        { selector: { kind: 'all' }, policy: null, isPaused: true, role: 'operator', owner: 'ann' },
        { selector: { kind: 'label', key: 'tier', value: 'gold' }, bootEvery: 7, jitterMs: 60_000 },
        {
          retention: {
            kind: 'tiers',
            counts: { hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 2 },
            timezone: 'Asia/Tokyo',
          },
        },
      ])('is read back exactly as it was added: %j', async (changes) => {
        schedule = makeSchedule(changes);
        await book.add(schedule);
        expect(await other.find(schedule.id)).toEqual(schedule);
        expect(await other.list()).toEqual([schedule]);
      });

      it('is listed after those that are older, and by its id among equals', async () => {
        const [young, second, first] = [
          makeSchedule({ createdAt: LATER }),
          makeSchedule({ id: 'b' }),
          makeSchedule({ id: 'a' }),
        ];
        for (const added of [young, second, first]) await book.add(added);
        expect(await other.list()).toEqual([first, second, young]);
      });

      it('is not there unless it was added', async () => {
        expect(await book.find('nothing')).toBeNull();
        expect(await book.list()).toEqual([]);
        expect(await book.setPaused('nothing', true)).toBeNull();
      });

      it('is paused and resumed', async () => {
        await book.add(schedule);
        expect(await book.setPaused(schedule.id, true)).toEqual({ ...schedule, isPaused: true });
        expect(await other.find(schedule.id)).toEqual({ ...schedule, isPaused: true });
        expect(await other.setPaused(schedule.id, false)).toEqual(schedule);
      });

      it('takes its runs with it when it is removed, and no others; it may be removed again', async () => {
        const kept = makeSchedule();
        await book.add(schedule);
        await book.add(kept);
        await addRuns(makeOwn());
        const run = makeRun(kept);
        await book.addRuns(kept.id, { expected: START, handledUntil: START, runs: [run] });
        for (let times = 0; times < 2; times++) await book.remove(schedule.id);
        expect(await other.list()).toEqual([kept]);
        expect(await other.listRuns({})).toEqual([run]);
      });
    });

    describe('runs that are added', () => {
      beforeEach(async () => await book.add(schedule));

      it('come with the time until which the schedule was dealt with', async () => {
        const run = makeOwn();
        expect(await book.addRuns(schedule.id, { expected: START, handledUntil: LATER, runs: [run] })).toBe(true);
        expect(await other.find(schedule.id)).toEqual({ ...schedule, handledUntil: LATER });
        expect(await other.listRuns({})).toEqual([run]);
      });

      it('are refused, and nothing is noted, when somebody else was faster', async () => {
        expect(await other.addRuns(schedule.id, { expected: START, handledUntil: LATER, runs: [] })).toBe(true);
        const late = { expected: START, handledUntil: '2026-01-01T02:00:00.000Z', runs: [makeOwn()] };
        expect(await book.addRuns(schedule.id, late)).toBe(false);
        expect(await book.find(schedule.id)).toEqual({ ...schedule, handledUntil: LATER });
        expect(await book.listRuns({})).toEqual([]);
      });

      it('are refused when the schedule is gone', async () => {
        await other.remove(schedule.id);
        expect(await addRuns(makeOwn())).toBe(false);
        expect(await book.listRuns({})).toEqual([]);
      });

      it.each<[RunStatus, boolean]>([
        ['waiting', false],
        ['running', false],
        ['verifying', false],
        ['succeeded', true],
        ['failed', true],
        ['skipped', true],
        ['cancelled', true],
      ])('are, after one of the same instance that is %s, taken: %s', async (status, isTaken) => {
        await addRuns(makeOwn({ status }));
        const runs = [makeOwn({ instanceId: 'another' }), makeOwn()];
        expect(await book.addRuns(schedule.id, { expected: START, handledUntil: LATER, runs })).toBe(isTaken);
        expect(await other.listRuns({})).toHaveLength(isTaken ? 3 : 1);
        expect((await other.find(schedule.id))?.handledUntil).toBe(isTaken ? LATER : START);
      });

      it('may be over at once while another goes on', async () => {
        await addRuns(makeOwn({ status: 'running' }));
        expect(await addRuns(makeOwn({ status: 'skipped', endedAt: START }))).toBe(true);
      });

      it('do not stand in the way of another schedule of the same instance', async () => {
        await addRuns(makeOwn());
        const second = makeSchedule();
        await book.add(second);
        const change = { expected: START, handledUntil: START, runs: [makeRun(second)] };
        expect(await book.addRuns(second.id, change)).toBe(true);
      });
    });

    describe('a run', () => {
      beforeEach(async () => await book.add(schedule));

      it('is replaced as a whole', async () => {
        const run = makeOwn();
        await addRuns(run);
        const over: ScheduleRun = {
          ...run,
          ...{ status: 'failed', startAt: null, attempts: 5, operationId: 'op-1', imageId: 'image-1', endedAt: LATER },
          reason: { code: 'NO_SPACE', message: 'full' },
        };
        await book.saveRun(over);
        expect(await other.listRuns({})).toEqual([over]);
        expect(await other.listRuns({ statuses: ['waiting'] })).toEqual([]);
      });

      it('that is saved after its schedule went stays away', async () => {
        const run = makeOwn();
        await addRuns(run);
        await other.remove(schedule.id);
        await book.saveRun({ ...run, status: 'succeeded' });
        expect(await book.listRuns({})).toEqual([]);
      });
    });

    describe('a list of runs', () => {
      const web = 'instance-web';
      const db = 'instance-db';

      beforeEach(async () => {
        await book.add(schedule);
        const times = ['2026-01-02', '2026-01-04', '2026-01-03', '2026-01-03'].map((day) => `${day}T03:00:00.000Z`);
        const ids = ['first', 'last', 'second', 'third'];
        const runs = times.map((dueAt, index) =>
          makeOwn({
            id: ids[index] ?? '',
            dueAt,
            instanceId: index === 3 ? db : web,
            status: index === 1 ? 'waiting' : 'succeeded',
          }),
        );
        await addRuns(...runs);
      });

      it.each<[Parameters<ScheduleBook['listRuns']>[0], readonly string[]]>([
        [{}, ['last', 'third', 'second', 'first']],
        [{ limit: 2 }, ['last', 'third']],
        [{ limit: 0 }, []],
        [{ instanceId: web }, ['last', 'second', 'first']],
        [{ instanceId: db, statuses: ['succeeded'] }, ['third']],
        [{ statuses: ['succeeded', 'failed'] }, ['third', 'second', 'first']],
        [{ statuses: ['succeeded'], instanceId: web, limit: 1 }, ['second']],
        [{ statuses: [] }, []],
        [{ scheduleId: 'another' }, []],
      ])('by %j, newest first, is %j', async (filter, expected) => {
        expect(await idsOf(filter)).toEqual(expected);
      });

      it('of one schedule holds nothing of another', async () => {
        const second = makeSchedule();
        await book.add(second);
        const run = makeRun(second);
        await book.addRuns(second.id, { expected: START, handledUntil: START, runs: [run] });
        expect(await idsOf({ scheduleId: second.id })).toEqual([run.id]);
        expect(await idsOf({ scheduleId: schedule.id })).toHaveLength(4);
      });
    });

    it('forgets runs that ended long ago, but for the newest of each schedule and instance', async () => {
      await book.add(schedule);
      const [old, recent] = ['2025-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'];
      const over = (id: string, endedAt: string | null, instanceId = 'web') =>
        makeOwn({ id, endedAt, instanceId, status: endedAt === null ? 'running' : 'succeeded' });
      await addRuns(over('a', old), over('b', old), over('c', recent), over('d', old, 'db'), over('e', old, 'db'));
      await addRuns(over('f', null, 'mail'));
      await book.prune('2025-06-01T00:00:00.000Z');
      expect([...(await idsOf({}))].sort()).toEqual(['c', 'e', 'f']);
      await book.prune(recent);
      expect(await idsOf({})).toHaveLength(3);
    });
  });
}

function makeSchedule(changes: Partial<BackupSchedule> = {}): BackupSchedule {
  return {
    id: randomUUID(),
    selector: { kind: 'instance', instanceId: 'web' },
    cron: '15 3 * * *',
    timezone: 'Europe/Berlin',
    backupType: 'daily',
    retention: { kind: 'rotation', count: 7 },
    consistency: 'auto',
    policy: { consistency: 'quiesced', maxAgeMs: 93_600_000 },
    jitterMs: 0,
    bootEvery: 0,
    isPaused: false,
    owner: 'root',
    role: 'admin',
    createdAt: START,
    handledUntil: START,
    ...changes,
  };
}

function makeRun({ id: scheduleId }: BackupSchedule, changes: Partial<ScheduleRun> = {}): ScheduleRun {
  return {
    id: randomUUID(),
    scheduleId,
    instanceId: 'web',
    instanceName: 'web 1',
    dueAt: START,
    status: 'waiting',
    startAt: START,
    attempts: 0,
    operationId: null,
    imageId: null,
    reason: null,
    endedAt: null,
    ...changes,
  };
}
