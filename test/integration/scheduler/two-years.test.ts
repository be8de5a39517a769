import { describe, expect, it } from 'vitest';
import type { ScheduleRun } from '../../../src/model/backup/schedule.ts';
import {
  makeInstance,
  makeScheduledHost,
  type ScheduledHost,
  type Submitted,
} from '../../unit/agent/scheduler/scheduled-host.ts';
import { BERLIN_PERIODS, listBerlinTimes } from './berlin.ts';
import { createIndexedScheduleBook } from './indexed-schedule-book.ts';

const MINUTE_MS = 60_000;
const BACKUP_MS = 3 * MINUTE_MS;
const BERLIN = 'Europe/Berlin';
const TIERS = { hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 2 } as const;

/** The two years, by Berlin's clock. */
const BEGIN = Date.parse('2025-12-31T23:00:00.000Z');
const END = Date.parse('2027-12-31T22:59:00.000Z');

/** The agent is away; in the first of them it dies in the middle of the hourly backup. */
const DOWNTIMES = [
  ['2026-02-10T05:01:00.000Z', '2026-02-12T09:40:00.000Z'],
  ['2026-03-29T00:30:00.000Z', '2026-03-29T01:20:00.000Z'],
  ['2026-10-25T00:30:00.000Z', '2026-10-25T01:25:00.000Z'],
  ['2026-12-31T22:20:00.000Z', '2026-12-31T23:10:00.000Z'],
  ['2027-06-01T12:20:00.000Z', '2027-06-20T12:25:00.000Z'],
].map(([from = '', until = '']) => ({ fromMs: Date.parse(from), untilMs: Date.parse(until) }));
const KILLED_AT = DOWNTIMES[0]?.fromMs ?? 0;
const SHELVED = {
  instance: 'db',
  fromMs: Date.parse('2026-07-01T00:10:00.000Z'),
  untilMs: Date.parse('2026-08-01T00:10:00.000Z'),
};
const SET_BACK = { atMs: Date.parse('2027-03-10T12:30:00.000Z'), toMs: Date.parse('2027-03-10T10:30:00.000Z') };

type Type = 'hourly' | 'daily' | 'weekly';
const INSTANCES: Readonly<Record<Type, readonly string[]>> = {
  hourly: ['web'],
  daily: ['web', 'db', 'mail'],
  weekly: ['web', 'db', 'mail'],
};
/** Tries that there is the time for: an hour later the next one is due. */
const TRIES: Readonly<Record<Type, number>> = { hourly: 4, daily: 5, weekly: 5 };

/** How many tries of a backup fail. */
function countFailures(type: string, instance: string, dueMs: number): number {
  const [day, hour] = [new Date(dueMs).getUTCDate(), new Date(dueMs).getUTCHours()];
  switch (`${type} ${instance}`) {
    case 'hourly web':
      return hour === 14 ? (HOURLY_FAILURES[day] ?? 0) : 0;
    case 'daily web':
      return DAILY_FAILURES[day] ?? 0;
    case 'weekly mail':
      return day <= 7 ? 4 : 0;
    default:
      return 0;
  }
}

/** By the day of the month. */
const HOURLY_FAILURES: Readonly<Record<number, number>> = { 9: 4, 19: 3 };
const DAILY_FAILURES: Readonly<Record<number, number>> = { 13: 2, 17: 5 };

interface Expected {
  readonly type: Type;
  readonly instance: string;
  readonly dueMs: number;
  readonly startMs: number;
  readonly outcome: 'succeeded' | 'failed' | 'skipped';
}

/** What becomes of a schedule, from the calendar and the mishaps alone. */
function expectRuns(type: Type): readonly Expected[] {
  const up = [BEGIN, ...DOWNTIMES.map(({ untilMs }) => untilMs)].map((fromMs, index) => ({
    fromMs,
    untilMs: DOWNTIMES[index]?.fromMs ?? END,
  }));
  const before = up.flatMap(({ fromMs, untilMs }) =>
    untilMs > SET_BACK.atMs && fromMs < SET_BACK.atMs
      ? [
          { fromMs, untilMs: SET_BACK.atMs },
          { fromMs: SET_BACK.toMs, untilMs },
        ]
      : [{ fromMs, untilMs }],
  );
  const runs: Expected[] = [];
  for (const { fromMs, untilMs } of before) {
    const missed =
      fromMs === BEGIN || fromMs === SET_BACK.toMs
        ? []
        : listTimes(type, DOWNTIMES.find((down) => down.untilMs === fromMs) ?? { fromMs, untilMs: fromMs }).slice(-1);
    for (const dueMs of missed) runs.push(...expectRun(type, { dueMs, startMs: fromMs }));
    for (const dueMs of listTimes(type, { fromMs: fromMs + 1, untilMs }))
      runs.push(...expectRun(type, { dueMs, startMs: dueMs }));
  }
  return runs;
}

function listTimes(type: Type, range: { readonly fromMs: number; readonly untilMs: number }): readonly number[] {
  if (type === 'daily') return listBerlinTimes(range, { hour: 3, minute: 15 });
  if (type === 'weekly') return listBerlinTimes(range, { hour: 4, minute: 0, weekday: 0 });
  const hours: number[] = [];
  for (let ms = Math.ceil(range.fromMs / 3_600_000) * 3_600_000; ms < range.untilMs; ms += 3_600_000) hours.push(ms);
  return hours;
}

function expectRun(type: Type, times: { readonly dueMs: number; readonly startMs: number }): readonly Expected[] {
  const { dueMs, startMs } = times;
  return INSTANCES[type].map((instance) => {
    const isShelved = instance === SHELVED.instance && startMs >= SHELVED.fromMs && startMs < SHELVED.untilMs;
    // the one that was killed is tried again, and is what the catch-up would be
    const isKilled = type === 'hourly' && dueMs === KILLED_AT - MINUTE_MS;
    const isBusy = type === 'hourly' && startMs === DOWNTIMES[0]?.untilMs;
    const isFailed = countFailures(type, instance, dueMs) >= TRIES[type];
    const outcome = isShelved || isBusy ? 'skipped' : isFailed ? 'failed' : 'succeeded';
    return { type, instance, dueMs, startMs: isKilled ? (DOWNTIMES[0]?.untilMs ?? 0) : startMs, outcome };
  });
}

/** What is left of all that were made until then. */
function expectKept(runs: readonly Expected[], nowMs: number): readonly string[] {
  return Object.entries(INSTANCES).flatMap(([type, instances]) =>
    instances.flatMap((instance) => {
      const made = runs
        .filter((run) => run.type === type && run.instance === instance && run.outcome === 'succeeded')
        .filter(({ startMs }) => startMs < nowMs);
      return keep(type, made).map(nameOf);
    }),
  );
}

function keep(type: string, made: readonly Expected[]): readonly Expected[] {
  if (type !== 'hourly') return made.slice(type === 'daily' ? -7 : -5);
  const kept = new Set<Expected>();
  for (const tier of ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const) {
    // a later one of the same period takes the place of the one before
    const lastOf = new Map(made.map((run) => [BERLIN_PERIODS[tier](run.startMs), run]));
    for (const run of [...lastOf.values()].slice(-TIERS[tier])) kept.add(run);
  }
  return [...kept];
}

function nameOf({ type, instance, dueMs }: Expected): string {
  return `name-of-${instance}-${type}-${new Date(dueMs).toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}Z`;
}

async function makeHost(): Promise<ScheduledHost> {
  const host = makeScheduledHost(new Date(BEGIN).toISOString(), createIndexedScheduleBook());
  host.state.instances = INSTANCES.daily.map((id) => makeInstance(id));
  host.state.rotateEvery = 25;
  const common = { timezone: BERLIN, selector: { kind: 'all' } } as const;
  const rotation = (count: number) => ({ retention: { kind: 'rotation', count } }) as const;
  await host.addSchedule({
    ...common,
    id: 'hourly',
    selector: { kind: 'instance', instanceId: 'web' },
    cron: '0 * * * *',
    backupType: 'hourly',
    retention: { kind: 'tiers', counts: TIERS, timezone: BERLIN },
  });
  await host.addSchedule({ ...common, ...rotation(7), id: 'daily', cron: '15 3 * * *', backupType: 'daily' });
  await host.addSchedule({ ...common, ...rotation(5), id: 'weekly', cron: '0 4 * * 0', backupType: 'weekly' });
  return host;
}

/** The calendar makes a rotation dear, and what is left in the end is the same where not every backup rotates at once. */
async function rotateAll(host: ScheduledHost): Promise<void> {
  for (const { retention, backupType } of await host.book.list())
    for (const instance of INSTANCES.daily) host.rotate({ instance, backupType, retention });
}

interface Mishap {
  readonly atMs: number;
  readonly happen: (host: ScheduledHost) => void;
}

function listMishaps(): Mishap[] {
  const setState = (state: 'active' | 'shelved') => (host: ScheduledHost) => {
    host.state.instances = host.state.instances.map((each) =>
      each.id === SHELVED.instance ? { ...each, state } : each,
    );
  };
  const downtimes = DOWNTIMES.map(({ fromMs, untilMs }) => ({
    atMs: fromMs,
    happen: (host: ScheduledHost) => {
      host.setTime(new Date(untilMs).toISOString());
      for (const each of host.state.submitted) if (each.operation.status === 'running') host.end(each, 'interrupted');
      host.restart();
    },
  }));
  const others = [
    { atMs: SHELVED.fromMs, happen: setState('shelved') },
    { atMs: SHELVED.untilMs, happen: setState('active') },
    { atMs: SET_BACK.atMs, happen: (host: ScheduledHost) => host.setTime(new Date(SET_BACK.toMs).toISOString()) },
  ];
  return [...downtimes, ...others].sort((left, right) => left.atMs - right.atMs);
}

/** Every operation ends in its time, as its name says. */
function endOperations(host: ScheduledHost): void {
  const nowMs = host.clock.now().getTime();
  for (const each of host.state.submitted) {
    if (each.operation.status !== 'running' || endOf(each) > nowMs) continue;
    const { request, key } = each;
    const run = key?.split(':');
    if (request.kind !== 'backup.create') throw new Error(request.kind);
    const [, date = '', hour = '', minute = ''] = /-(\d{8})T(\d\d)(\d\d)Z$/.exec(request.name) ?? [];
    const iso = `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${hour}:${minute}:00.000Z`;
    const isBroken = Number(run?.at(-1)) <= countFailures(request.backupType, request.instance, Date.parse(iso));
    if (isBroken) host.end(each, 'failed', 'COPY_FAILED');
    else host.end(each, 'succeeded');
  }
}

function endOf({ operation }: Submitted): number {
  return Date.parse(operation.startedAt) + BACKUP_MS;
}

/** From event to event, and a look at everything after each. */
async function live(host: ScheduledHost, look: (nowMs: number) => Promise<void>): Promise<void> {
  const mishaps = listMishaps();
  for (let nowMs = BEGIN; nowMs < END; nowMs = host.clock.now().getTime()) {
    await host.turn();
    await look(nowMs);
    host.state.submitted = host.state.submitted.filter(({ operation }) => operation.status === 'running');
    const [mishap] = mishaps;
    const ends = host.state.submitted.map(endOf);
    const nextMs = Math.min(nowMs + host.msToNextTurn(Number.POSITIVE_INFINITY), ...ends);
    if (mishap !== undefined && mishap.atMs <= nextMs) {
      host.setTime(new Date(mishap.atMs).toISOString());
      mishap.happen(host);
      mishaps.shift();
    } else {
      host.setTime(new Date(nextMs).toISOString());
    }
    endOperations(host);
  }
}

function isPairTwice(open: readonly ScheduleRun[]): boolean {
  return new Set(open.map(({ scheduleId, instanceId }) => `${scheduleId}/${instanceId}`)).size < open.length;
}

describe('two years of three schedules, with downtimes, failures, a month on the shelf and a clock that was set back', () => {
  it('leave exactly the backups that the calendar says, at every month and in the end', async () => {
    const host = await makeHost();
    const expected = (['hourly', 'daily', 'weekly'] as const).flatMap(expectRuns);
    const months: string[] = [];
    let mostRunning = 0;
    let month = '';
    await live(host, async (nowMs) => {
      const open = await host.book.listRuns({});
      if (isPairTwice(open)) throw new Error(`two runs at once: ${JSON.stringify(open)}`);
      mostRunning = Math.max(mostRunning, open.filter(({ status }) => status !== 'waiting').length);
      const now = new Date(nowMs).toISOString().slice(0, 7);
      if (open.length > 0 || now === month) return;
      month = now;
      months.push(now);
      await rotateAll(host);
      const names = host.state.images.map(({ name }) => name).sort();
      expect(names, now).toEqual([...expectKept(expected, nowMs)].sort());
    });
    expect(months).toHaveLength(25);
    expect(mostRunning).toBe(2);
    await rotateAll(host);
    const names = host.state.images.map(({ name }) => name).sort();
    expect(names).toEqual([...expectKept(expected, END)].sort());
    const counted = (outcome: Expected['outcome']) => expected.filter((run) => run.outcome === outcome).length;
    expect(Object.fromEntries(host.state.counts)).toEqual({
      succeeded: counted('succeeded'),
      failed: counted('failed'),
      skipped: counted('skipped'),
    });
    const events = host.state.told.map(({ event }) => event);
    expect(events.filter((event) => event === 'backup.failed')).toHaveLength(counted('failed'));
    expect(events.filter((event) => event === 'backup.recovered')).toHaveLength(counted('failed'));
    expect(host.log.lines.filter(({ message }) => message.includes('set back'))).not.toEqual([]);
  });
});
