import { expect, it } from 'vitest';
import { LibvirtCheck } from '../../../../src/agent/daemon/libvirt-check.ts';
import { keepAlive } from '../../../../src/agent/daemon/watchdog.ts';
import { DarkroomError } from '../../../../src/model/errors.ts';
import { createFakeClock } from '../../../support/fake-host.ts';
import { createFakeServiceManager } from '../../../support/fake-service-manager.ts';
import { createRememberingLogger } from '../../../support/remembering-logger.ts';

const WATCHDOG_MS = 60;

type Ping = () => Promise<void>;

/** Lets the watchdog go round once for each answer of libvirt's. */
async function watch(pings: readonly Ping[], watchdogMs = WATCHDOG_MS) {
  const service = createFakeServiceManager({ watchdogMs });
  const log = createRememberingLogger();
  const clock = createFakeClock();
  const ended = new AbortController();
  let asked = 0;
  const ping: Ping = async () => {
    const next = pings[Math.min(asked, pings.length - 1)];
    asked += 1;
    await next?.();
  };
  const pauses: number[] = [];
  clock.onSleep = async (elapsedMs) => {
    pauses.push(elapsedMs);
    if (pauses.length >= pings.length) ended.abort();
  };
  await keepAlive({ service, log, clock, libvirt: new LibvirtCheck({ ping }), describe: () => 'Ready' }, ended.signal);
  return { told: service.told, lines: log.lines, pauses, asked };
}

const answers: Ping = async () => {};
const hangs: Ping = () => new Promise(() => {});
const isDown: Ping = async () => {
  throw new DarkroomError('LIBVIRT_UNREACHABLE', 'no libvirtd');
};

it('says that we live as long as libvirt answers, three times as often as it must', async () => {
  const { told, pauses } = await watch([answers, answers]);
  expect(told).toEqual(['alive', 'alive']);
  expect(pauses).toEqual([WATCHDOG_MS / 3, (WATCHDOG_MS / 3) * 2]);
});

it('says so when libvirt is down too, and puts that into the status line', async () => {
  const { told, lines } = await watch([answers, isDown, isDown, answers]);
  expect(told).toEqual(['alive', 'alive', 'status: libvirt: no libvirtd', 'alive', 'alive', 'status: Ready']);
  expect(lines.map(({ message }) => message)).toEqual(['libvirt is not reachable', 'libvirt answers again']);
});

it('says nothing while a call to libvirt hangs, and asks no second time', async () => {
  const { told, asked } = await watch([hangs, hangs, hangs]);
  expect(told).toEqual([`status: libvirt: libvirt does not answer within ${WATCHDOG_MS / 3} ms`]);
  expect(asked).toBe(1);
});

it('goes on when the call that hung comes back', async () => {
  const late: Ping = () => new Promise((resolve) => setTimeout(resolve, WATCHDOG_MS / 2));
  const { told } = await watch([late, answers, answers]);
  expect(told.filter((word) => word === 'alive').length).toBeGreaterThanOrEqual(1);
  expect(told.at(-1)).not.toContain('libvirt');
});

it('does nothing where nobody wants to hear it', async () => {
  const service = createFakeServiceManager();
  const parts = { service, log: createRememberingLogger(), clock: createFakeClock(), describe: () => '' };
  await keepAlive({ ...parts, libvirt: new LibvirtCheck({ ping: answers }) }, new AbortController().signal);
  expect(service.told).toEqual([]);
});
