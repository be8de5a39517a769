import { describe, expect, it } from 'vitest';
import { requireShelvable } from '../../../src/model/shelve-rules.ts';

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
