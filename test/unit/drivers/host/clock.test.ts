import { describe, expect, it } from 'vitest';
import { createClock } from '../../../../src/drivers/host/clock.ts';

const clock = createClock();

describe('clock', () => {
  it('tells the time of day, and a time that only goes on', async () => {
    const start = clock.monotonicMs();
    await clock.sleep(20);
    expect(clock.monotonicMs() - start).toBeGreaterThanOrEqual(19);
    expect(Math.abs(clock.now().getTime() - Date.now())).toBeLessThan(1000);
  });

  it('stops waiting when the signal fires, before or meanwhile', async () => {
    const controller = new AbortController();
    const sleeping = clock.sleep(60_000, controller.signal);
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(clock.sleep(1, controller.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
