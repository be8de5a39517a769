import { describe, expect, it } from 'vitest';
import { offloadDueAt, requireShelvable } from '../../../src/model/shelve-rules.ts';

const subject = { id: 'id', name: 'web' };
const refused: readonly (readonly [what: string, devices: string])[] = [
  ['a PCI device', "<hostdev mode='subsystem' type='pci'/>"],
  ['a USB device', "<hostdev mode='subsystem' type='usb'/>"],
  ['a network card of the host', "<interface type='hostdev'/>"],
  ['an NVDIMM', "<memory model='nvdimm'/>"],
  ['persistent memory', "<memory model='virtio-pmem'/>"],
  ['a shared disk', "<disk type='file'><shareable/></disk>"],
  ['a block device', "<disk type='block'/>"],
];
const allowed: readonly (readonly [what: string, devices: string])[] = [
  ['nothing else', ''],
  ['a plain disk', "<disk type='file'><target dev='vda'/></disk>"],
  ['a network', "<interface type='network'/>"],
  ['memory that was added', "<memory model='dimm'/>"],
  ['a TPM', "<tpm model='tpm-tis'/>"],
  ['a word in its metadata', "</devices><metadata><hostdev xmlns='urn:mine'/></metadata><devices>"],
];
const domain = (devices: string): string => `<domain><devices>${devices}</devices></domain>`;

describe('requireShelvable', () => {
  it.each(refused)('refuses a machine with %s', (_, devices) => {
    expect(() => requireShelvable(domain(devices), subject)).toThrow(
      expect.objectContaining({ code: 'INSTANCE_UNSUPPORTED', fields: { instanceId: 'id' } }),
    );
  });

  it.each(allowed)('lets a machine with %s pass', (_, devices) => {
    requireShelvable(domain(devices), subject);
  });
});

describe('offloadDueAt', () => {
  const SHELVED_AT = '2026-01-01T00:00:00.000Z';
  const record = { state: 'shelved', host: 'host-a', shelvedAt: SHELVED_AT } as const;
  const policy = { hostName: 'host-a', offloadTimeMs: 90_000 };

  it.each([
    ['after the time of the policy', {}, {}, '2026-01-01T00:01:30.000Z'],
    [
      'whatever part of a second it was shelved in',
      { shelvedAt: '2026-01-01T00:00:00.250Z' },
      {},
      '2026-01-01T00:01:30.250Z',
    ],
    ['never when shelved instances stay', {}, { offloadTimeMs: null }, null],
    ['never when they leave at once: this one was asked to stay', {}, { offloadTimeMs: 0 }, null],
    ['never from here when another host has it', { host: 'host-b' }, {}, null],
    ['never while it is being offloaded', { state: 'offloading' }, {}, null],
    ['never when it is offloaded', { state: 'shelved_offloaded' }, {}, null],
  ] as const)('says %s', (_, changes, otherPolicy, due) => {
    const dueAt = offloadDueAt({ ...record, ...changes }, { ...policy, ...otherPolicy });
    expect(dueAt?.toISOString() ?? null).toBe(due);
  });
});
