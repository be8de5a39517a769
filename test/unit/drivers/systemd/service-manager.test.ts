import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createServiceManager } from '../../../../src/drivers/systemd/create-service-manager.ts';
import { encodeAddress, sendDatagram } from '../../../../src/drivers/systemd/datagram.ts';
import { listenForDatagrams } from '../../../support/datagram-listener.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'dr-sysd-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the service manager', () => {
  it.each([path.join(folder, 'notify'), `@dr-sysd-${process.pid}`])('speaks the protocol to %s', (address) => {
    using systemd = listenForDatagrams(address);
    const service = createServiceManager({ NOTIFY_SOCKET: address, WATCHDOG_USEC: '2000000' });
    expect(service.watchdogMs).toBe(2000);
    service.ready('Ready\nfor all');
    service.alive();
    service.reloading();
    service.extendTimeout(1.5);
    service.status('busy');
    service.stopping('Bye');
    systemd.read();
    expect(systemd.messages).toEqual([
      'READY=1\nSTATUS=Ready for all',
      'WATCHDOG=1',
      expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
      'EXTEND_TIMEOUT_USEC=1500',
      'STATUS=busy',
      'STOPPING=1\nSTATUS=Bye',
    ]);
  });

  it('tells the monotonic time that the kernel tells', () => {
    const address = path.join(folder, 'monotonic');
    using systemd = listenForDatagrams(address);
    createServiceManager({ NOTIFY_SOCKET: address }).reloading();
    systemd.read();
    const told = Number(systemd.messages[0]?.split('MONOTONIC_USEC=')[1]);
    expect(Math.abs(told - Number(process.hrtime.bigint() / 1000n))).toBeLessThan(1_000_000);
  });

  it.each([{}, { NOTIFY_SOCKET: '/nowhere/at/all' }, { NOTIFY_SOCKET: 'vsock:2:1234' }, { NOTIFY_SOCKET: '/' }])(
    'says nothing, and does not fail, with %j',
    (environment) => {
      const service = createServiceManager({ ...environment });
      for (const call of [service.ready, service.status, service.stopping]) expect(call('x')).toBeUndefined();
      expect(service.alive()).toBeUndefined();
      expect(service.sockets).toEqual([]);
    },
  );

  it('wants no watchdog where there is nobody to tell', () => {
    expect(createServiceManager({ WATCHDOG_USEC: '1000000' }).watchdogMs).toBeNull();
  });
});

describe('a datagram', () => {
  it('is given up when its reader is too slow, instead of holding us up', () => {
    const address = path.join(folder, 'slow');
    using _reader = listenForDatagrams(address);
    const started = performance.now();
    let sent = 0;
    while (sent < 10_000 && sendDatagram(address, Buffer.from('x'))) sent += 1;
    expect(sent).toBeLessThan(10_000);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('has no address that is too long for the kernel', () => {
    expect(encodeAddress(`/${'x'.repeat(106)}`)).toHaveLength(110);
    expect(encodeAddress(`/${'x'.repeat(107)}`)).toBeNull();
  });
});
