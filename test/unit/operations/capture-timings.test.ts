import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../src/model/errors.ts';
import { type CaptureHost, makeCaptureHost } from '../../support/capture-host.ts';

let host: CaptureHost;
beforeEach(() => {
  host = makeCaptureHost();
});
afterEach(() => host.dispose());

/** The guest is held for so long. */
function takeTime(ms: number): void {
  host.hypervisor.before('createDiskSnapshot', () => host.clock.sleep(ms));
}

it('tells how long the guest was frozen', async () => {
  takeTime(120);
  expect((await host.capture({ consistency: 'quiesced' })).timings).toMatchObject({ freezeMs: 120 });
});

it('tells how long the guest was paused', async () => {
  takeTime(80);
  const { timings } = await host.capture({ consistency: 'paused' });
  expect(timings).toMatchObject({ pauseMs: 80 });
  expect(timings).not.toHaveProperty('freezeMs');
});

it.each([
  ['quiesced', 'freezeMs'],
  ['paused', 'pauseMs'],
] as const)('tells it of a capture that failed: %s', async (consistency, name) => {
  takeTime(50);
  host.hypervisor.failOn('createDiskSnapshot', new DarkroomError('LIBVIRT_FAILED', 'no'));
  expect(await host.capture({ consistency })).toMatchObject({ status: 'failed', timings: { [name]: 50 } });
});
