import { describe, expect, test } from 'vitest';
import { LibvirtError } from '../../../../src/drivers/libvirt/binding/libvirt-error.ts';
import { toPowerState } from '../../../../src/drivers/libvirt/domains.ts';
import { toHypervisorEvent } from '../../../../src/drivers/libvirt/events.ts';
import { toAddresses } from '../../../../src/drivers/libvirt/networks.ts';
import { describeFailure, reviveFailure } from '../../../../src/drivers/libvirt/threads/call-answer.ts';
import { translateError } from '../../../../src/drivers/libvirt/translate-error.ts';
import { undefineFlags } from '../../../../src/drivers/libvirt/undefine-domain.ts';

const attempt = { uri: 'qemu:///system', task: 'start the domain', uuid: 'u-1' };
const libvirtError = (fields: { code: number; message?: string; isConnectionLost?: boolean }): LibvirtError =>
  new LibvirtError({ call: 'virDomainCreate', domain: 10, level: 2, message: 'no such thing', ...fields });

describe('translateError', () => {
  test.each([
    ['a domain that is gone', libvirtError({ code: 42 }), 'INSTANCE_NOT_FOUND'],
    ['a network that is not there', libvirtError({ code: 43 }), 'NETWORK_NOT_FOUND'],
    ['a lost connection, whatever the code', libvirtError({ code: 42, isConnectionLost: true }), 'LIBVIRT_UNREACHABLE'],
    ['a bitmap that is missing or broken', libvirtError({ code: 109 }), 'CHECKPOINT_INCONSISTENT'],
    ['a checkpoint that nobody knows', libvirtError({ code: 103 }), 'CHECKPOINT_INCONSISTENT'],
    ['anything else', libvirtError({ code: 1 }), 'LIBVIRT_FAILED'],
  ])('gives %s its code', (_title, error, code) => {
    expect(translateError(error, attempt)).toMatchObject({ code, cause: error });
  });

  test('says what failed, on what and what libvirt said', () => {
    expect(translateError(libvirtError({ code: 1 }), attempt)).toMatchObject({
      message: 'libvirt could not start the domain (instance u-1): no such thing',
      fields: { libvirtCode: 1, libvirtDomain: 10, libvirtCall: 'virDomainCreate', instance: 'u-1' },
    });
  });

  test('leaves errors of others alone', () => {
    const error = new TypeError('ours');
    expect(translateError(error, attempt)).toBe(error);
  });
});

describe('errors between threads', () => {
  test('a LibvirtError crosses with all its fields', () => {
    const error = libvirtError({ code: 86 });
    const revived = reviveFailure(structuredClone(describeFailure(error, true)));

    expect(revived).toBeInstanceOf(LibvirtError);
    expect(revived).toMatchObject({ code: 86, domain: 10, level: 2, message: 'no such thing', isConnectionLost: true });
  });

  test('a libvirt that cannot be loaded counts as not reachable', () => {
    const revived = reviveFailure(describeFailure(new Error('libvirt.so.0: cannot open shared object file'), true));

    expect(translateError(revived, attempt)).toMatchObject({ code: 'LIBVIRT_UNREACHABLE' });
  });

  test('a fault of ours while connected stays a fault of ours', () => {
    expect(reviveFailure(describeFailure(new TypeError('x is not a function'), false))).not.toBeInstanceOf(
      LibvirtError,
    );
  });
});

describe('what libvirt says as what the port says', () => {
  test.each([
    [1, false, 'running'],
    [2, false, 'running'],
    [3, false, 'paused'],
    [4, false, 'running'],
    [5, false, 'shutdown'],
    [5, true, 'suspended'],
    [1, true, 'running'],
    [6, false, 'crashed'],
    [7, false, 'paused'],
    [99, false, 'nostate'],
  ] as const)('state %i with managed save %s is %s', (state, hasManagedSave, expected) => {
    expect(toPowerState(state, hasManagedSave)).toBe(expected);
  });

  test('events get names, unknown block job states are left out', () => {
    expect(toHypervisorEvent({ kind: 'lifecycle', uuid: 'u', event: 5, detail: 1 })).toMatchObject({
      event: 'stopped',
    });
    expect(toHypervisorEvent({ kind: 'lifecycle', uuid: 'u', event: 77, detail: 1 })).toMatchObject({
      event: 'unknown-77',
    });
    expect(toHypervisorEvent({ kind: 'block-job', uuid: 'u', disk: 'vda', status: 3 })).toMatchObject({
      status: 'ready',
    });
    expect(toHypervisorEvent({ kind: 'block-job', uuid: 'u', disk: 'vda', status: 9 })).toBeNull();
    expect(toHypervisorEvent({ kind: 'agent', uuid: 'u', state: 2 })).toMatchObject({ isConnected: false });
    expect(toHypervisorEvent({ kind: 'connection', isConnected: true, reason: '' })).toEqual({
      kind: 'connection',
      isConnected: true,
    });
  });

  test('addresses leave loopback and interfaces without a MAC out', () => {
    const addrs = [{ addr: '10.0.0.2', prefix: 24 }];
    const interfaces = [
      { name: 'lo', hwaddr: '00:00:00:00:00:00', addrs: [{ addr: '127.0.0.1', prefix: 8 }] },
      { name: 'Loopback Pseudo-Interface 1', hwaddr: '00:00:00:00:00:00', addrs },
      { name: 'tun0', hwaddr: null, addrs },
      { name: 'eth0', hwaddr: '52:54:00:00:00:01', addrs },
    ];

    expect(toAddresses(interfaces, 'agent')).toEqual([
      { mac: '52:54:00:00:00:01', address: '10.0.0.2', prefix: 24, source: 'agent' },
    ]);
  });

  test('undefine speaks of NVRAM and TPM only where there are such', () => {
    const metadata = 1 | 2 | 16;
    const full = "<domain><os><nvram>/v</nvram></os><devices><tpm model='tpm-crb'/></devices></domain>";

    expect(undefineFlags('<domain><os/><devices/></domain>', { nvram: 'keep', tpm: 'keep' })).toBe(metadata);
    expect(undefineFlags(full, { nvram: 'keep', tpm: 'keep' })).toBe(metadata | 8 | 64);
    expect(undefineFlags(full, { nvram: 'remove', tpm: 'remove' })).toBe(metadata | 4 | 32);
  });
});
