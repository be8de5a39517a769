import { describe, expect, it } from 'vitest';
import { createDueTimes } from '../../../../src/agent/scheduler/due-times.ts';
import { findLastTime, listNextTimes } from '../../../../src/model/backup/cron.ts';
import { sampleSchedule } from '../samples.ts';

const HOUR_MS = 3_600_000;
const BEGIN = Date.parse('2026-03-27T00:00:00.000Z');

describe('what is remembered of a schedule', () => {
  it.each(['0 * * * *', '15 3 * * *', '*/20 2 * * *', '0 4 * * 0'])('of %s is what the calendar says', (cron) => {
    const times = createDueTimes();
    let handledUntil = new Date(BEGIN);
    // forwards mostly, and backwards now and then; over a change of the clocks
    for (let step = 0; step < 200; step += 1) {
      const now = new Date(BEGIN + ((step * 7919) % ((96 * HOUR_MS) / 60_000)) * 60_000);
      const schedule = { ...sampleSchedule, cron, handledUntil: handledUntil.toISOString() };
      expect(times.last(schedule, now)).toEqual(findLastTime(schedule, handledUntil, now));
      expect(times.next(schedule)).toEqual(listNextTimes(schedule, handledUntil, 1)[0]);
      expect(times.nextAfter(schedule, now)).toEqual(listNextTimes(schedule, now, 1)[0]);
      if (step % 3 > 0) handledUntil = now;
    }
  });

  it('is forgotten with it', () => {
    const times = createDueTimes();
    const at = '2026-05-01T00:00:00.000Z';
    times.next({ ...sampleSchedule, cron: '0 * * * *', handledUntil: at });
    times.keepOnly([]);
    expect(times.next({ ...sampleSchedule, cron: '30 * * * *', handledUntil: at })).toEqual(
      new Date('2026-05-01T00:30:00.000Z'),
    );
  });
});
