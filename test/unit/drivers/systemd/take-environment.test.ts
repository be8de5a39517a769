import { expect, it } from 'vitest';
import { takeServiceEnvironment } from '../../../../src/drivers/systemd/take-environment.ts';

const NOTHING = { notifySocket: null, watchdogMs: null, socketNames: [] };

it('takes what is meant for this process and leaves nothing for its children', () => {
  const environment = {
    PATH: '/bin',
    NOTIFY_SOCKET: '/run/systemd/notify',
    WATCHDOG_USEC: '30000000',
    WATCHDOG_PID: '42',
    LISTEN_PID: '42',
    LISTEN_FDS: '2',
    LISTEN_FDNAMES: 'agent.socket:',
  };
  expect(takeServiceEnvironment(environment, 42)).toEqual({
    notifySocket: '/run/systemd/notify',
    watchdogMs: 30_000,
    socketNames: ['agent.socket', 'unknown'],
  });
  expect(environment).toEqual({ PATH: '/bin' });
});

it('leaves alone what was meant for another process, and removes it all the same', () => {
  const environment = { WATCHDOG_USEC: '1000', WATCHDOG_PID: '41', LISTEN_PID: '41', LISTEN_FDS: '1' };
  expect(takeServiceEnvironment(environment, 42)).toEqual(NOTHING);
  expect(environment).toEqual({});
});

it('takes a watchdog that names no process for its own, but no sockets', () => {
  const environment = { WATCHDOG_USEC: '1500', LISTEN_FDS: '1' };
  expect(takeServiceEnvironment(environment, 42)).toEqual({ ...NOTHING, watchdogMs: 1.5 });
});

it.each([
  {},
  { NOTIFY_SOCKET: '', WATCHDOG_USEC: '0', LISTEN_PID: '42', LISTEN_FDS: '0' },
  { WATCHDOG_USEC: '-1', LISTEN_PID: '42', LISTEN_FDS: 'three' },
  { WATCHDOG_USEC: '1e6', LISTEN_PID: '', LISTEN_FDS: '1' },
])('finds nothing in %j', (environment) => {
  expect(takeServiceEnvironment({ ...environment }, 42)).toEqual(NOTHING);
});
