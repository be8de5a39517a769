import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  askHealth,
  changeSettings,
  changeUnit,
  mainPid,
  readJournal,
  reloadUnit,
  showUnit,
  startUnit,
  tryDarkroom,
  UNIT,
  waitForSuccessor,
} from './support/darkroom-unit.ts';
import { bootSystemdHost, installDarkroom, type SystemdHost } from './support/systemd-host.ts';
import { waitUntil } from './support/wait-until.ts';

const WATCHDOG_SECONDS = 5;

describe('the agent as a service of systemd', () => {
  let host: SystemdHost;

  beforeAll(async () => {
    host = await bootSystemdHost();
    await installDarkroom(host);
  });
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await startUnit(host);
  });

  it('is active only when it answers', async () => {
    await host.run('systemctl', ['stop', 'darkroom.socket', UNIT]);
    const starting = host.run('systemctl', ['start', '--no-block', UNIT]);
    const seen = new Set<string>();
    for (;;) {
      const { ActiveState } = await showUnit(host, ['ActiveState']);
      seen.add(ActiveState);
      if (ActiveState === 'active') break;
    }
    // at once: whoever waits for the unit need not wait again
    expect(await askHealth(host, 2)).toBe('200');
    await starting;
    expect([...seen]).toContain('activating');
  });

  it('comes back after kill -9, and answers', async () => {
    const pid = await mainPid(host);
    const restarts = Number((await showUnit(host, ['NRestarts'])).NRestarts);
    await host.run('kill', ['-9', pid]);
    await waitForSuccessor(host, pid);
    expect(await askHealth(host)).toBe('200');
    expect(Number((await showUnit(host, ['NRestarts'])).NRestarts)).toBe(restarts + 1);
  });

  it('is ended and started again by the watchdog when it hangs', async () => {
    await changeUnit(host, [`WatchdogSec=${WATCHDOG_SECONDS}`]);
    // it feeds the dog: nothing happens to one that works
    const pid = await mainPid(host);
    await sleep(1000 * WATCHDOG_SECONDS * 1.5);
    expect(await mainPid(host)).toBe(pid);

    await host.run('kill', ['-STOP', pid]);
    await waitForSuccessor(host, pid);
    expect(await askHealth(host)).toBe('200');
    const messages = (await readJournal(host)).map((entry) => String(entry['MESSAGE']));
    expect(messages.join('\n')).toContain('Watchdog timeout');
  });

  it('is not started again when its settings are wrong, and says which', async () => {
    await host.run('systemctl', ['stop', UNIT]);
    await changeSettings(host, ['copy_bandwith: 1MiB']);
    expect((await host.try('systemctl', ['start', UNIT])).exitCode).not.toBe(0);
    await sleep(3000);
    expect(await showUnit(host, ['ActiveState', 'ExecMainStatus'])).toEqual({
      ActiveState: 'failed',
      ExecMainStatus: '2',
    });
    const messages = (await readJournal(host)).map((entry) => String(entry['MESSAGE']));
    expect(messages.join('\n')).toContain('copy_bandwith');
    await changeSettings(host, ['log_level: info']);
  });

  it('stops cleanly, and a connection to its socket starts it again', async () => {
    await host.run('systemctl', ['stop', UNIT]);
    expect(await showUnit(host, ['ActiveState', 'Result', 'ExecMainStatus'])).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
      ExecMainStatus: '0',
    });
    expect(await askHealth(host)).toBe('200');
    expect(await showUnit(host, ['ActiveState'])).toEqual({ ActiveState: 'active' });
  });

  it('does not answer when its socket is stopped too, and brings it along when it is started', async () => {
    await host.run('systemctl', ['stop', 'darkroom.socket', UNIT]);
    expect(await askHealth(host, 2)).toBe('000');
    expect(await tryDarkroom(host, ['agent', 'status'])).toMatchObject({ exitCode: 7 });
    await startUnit(host);
    expect(await askHealth(host)).toBe('200');
  });

  it('takes new settings on reload, as the same process', async () => {
    const pid = await mainPid(host);
    await changeSettings(host, ['log_level: debug']);
    await reloadUnit(host);
    expect(await mainPid(host)).toBe(pid);
    expect(await readJournal(host, ['DARKROOM_CHANGED=["logLevel"]'])).toMatchObject([
      { MESSAGE: 'settings reloaded', _PID: pid },
    ]);
  });

  it('goes on with the settings that it had when the new ones are wrong', async () => {
    const pid = await mainPid(host);
    await changeSettings(host, ['log_levle: info']);
    await host.try('systemctl', ['reload', UNIT]);
    const isTold = async (): Promise<boolean> =>
      (await readJournal(host, ['PRIORITY=3', '+', 'PRIORITY=4', '+', `_PID=${pid}`])).some((entry) =>
        JSON.stringify(entry).includes('log_levle'),
      );
    await waitUntil('the mistake is told', isTold, { timeoutMs: 60_000 });
    expect(await askHealth(host)).toBe('200');
    expect(await showUnit(host, ['ActiveState', 'MainPID'])).toEqual({ ActiveState: 'active', MainPID: pid });
    await changeSettings(host, ['log_level: info']);
  });

  it('starts by itself when the machine does', async () => {
    expect((await host.run('systemctl', ['is-enabled', UNIT, 'darkroom.socket'])).trim()).toBe('enabled\nenabled');
    const { After } = await showUnit(host, ['After']);
    expect(After.split(' ')).toEqual(expect.arrayContaining(['libvirtd.service', 'libvirt-guests.service']));
  });
});
