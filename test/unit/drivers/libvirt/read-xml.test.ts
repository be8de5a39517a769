import { describe, expect, test } from 'vitest';
import { isAgentConnected, namesKvm, readKeepsakes, readMirror } from '../../../../src/drivers/libvirt/read-xml.ts';

const disk = (target: string, mirror: string): string =>
  `<disk type='file'><source file='/a'/>${mirror}<target dev='${target}' bus='virtio'/></disk>`;
const domain = (devices: string, os = ''): string =>
  `<domain><os><type>hvm</type>${os}</os><devices>${devices}</devices></domain>`;

describe('reading XML of libvirt', () => {
  test('a mirror is ready only when it says yes, on the disk that is asked for', () => {
    const xml = domain(
      disk('vda', "<mirror type='file' job='active-commit' ready='yes'/>") +
        disk('vdb', "<mirror type='file' job='active-commit'/>") +
        disk('vdc', "<mirror type='file' job='active-commit' ready='abort'/>"),
    );

    expect(['vda', 'vdb', 'vdc', 'vdd'].map((target) => readMirror(xml, target))).toEqual([
      { isReady: true },
      { isReady: false },
      { isReady: false },
      null,
    ]);
  });

  test('an agent is connected when its own channel is, not another', () => {
    const channel = (name: string, state: string): string =>
      domain(`<channel type='unix'><target type='virtio' name='${name}' state='${state}'/></channel>`);

    expect(isAgentConnected(channel('org.qemu.guest_agent.0', 'connected'))).toBe(true);
    expect(isAgentConnected(channel('org.qemu.guest_agent.0', 'disconnected'))).toBe(false);
    expect(isAgentConnected(channel('com.redhat.spice.0', 'connected'))).toBe(false);
  });

  test('KVM is offered when a guest of the capabilities names it', () => {
    const capabilities = (type: string): string =>
      `<capabilities><guest><arch name='x86_64'><domain type='qemu'/><domain type='${type}'/></arch></guest></capabilities>`;

    expect(namesKvm(capabilities('kvm'))).toBe(true);
    expect(namesKvm(capabilities('xen'))).toBe(false);
  });

  test('NVRAM and TPM are seen where they are', () => {
    expect(readKeepsakes(domain(''))).toEqual({ hasNvram: false, hasTpm: false });
    expect(readKeepsakes(domain("<tpm model='tpm-crb'/>", '<nvram>/v.fd</nvram>'))).toEqual({
      hasNvram: true,
      hasTpm: true,
    });
    expect(readKeepsakes("<domain><os firmware='efi'/><devices/></domain>").hasNvram).toBe(true);
  });
});
