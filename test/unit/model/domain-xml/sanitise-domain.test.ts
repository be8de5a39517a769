import { describe, expect, it } from 'vitest';
import { sanitiseDomain } from '../../../../src/model/domain-xml/sanitise-domain.ts';

function domain(content: string, type = 'kvm'): string {
  return `<domain type="${type}"><name>x</name><os><type>hvm</type></os>${content}</domain>`;
}

describe('what reaches into the host is taken out', () => {
  it.each([
    ['a network script', '<devices><interface type="ethernet"><script path="run-me"/></interface></devices>', 'run-me'],
    [
      'a script of a bridge',
      '<devices><interface type="bridge"><source bridge="br0"/><script path="run-me"/></interface></devices>',
      'run-me',
    ],
    [
      'the source of a disk',
      '<devices><disk type="file"><source file="etc/shadow"/><target dev="vdb"/></disk></devices>',
      'etc/shadow',
    ],
    [
      'a device by its path',
      '<devices><crypto model="virtio"><source path="/dev/sda"/></crypto></devices>',
      '/dev/sda',
    ],
    ['a path in the text of an element', '<devices><thing><place>/etc/shadow</place></thing></devices>', '/etc/shadow'],
    ['an own emulator', '<devices><emulator>/tmp/evil</emulator></devices>', '/tmp/evil'],
    ['firmware from anywhere', '<os><loader type="pflash">/tmp/evil.fd</loader></os>', '/tmp/evil.fd'],
    ['a detour', '<os><loader type="pflash">/usr/share/../../tmp/evil.fd</loader></os>', 'evil.fd'],
    [
      'arguments of QEMU',
      '<q:commandline xmlns:q="http://libvirt.org/schemas/domain/qemu/1.0"><q:arg value="-snapshot"/></q:commandline>',
      '-snapshot',
    ],
  ])('%s', (_, content, gone) => {
    expect(sanitiseDomain(domain(content)).xml).not.toContain(gone);
  });
});

it('keeps the machine as the guest knows it', () => {
  const { xml, dropped } = sanitiseDomain(
    domain(
      '<memory>1048576</memory><devices><disk type="file" device="disk"><driver type="qcow2"/><source file="/vm/a"/><target dev="vda" bus="virtio"/></disk>' +
        '<rng model="virtio"><backend model="random">/dev/urandom</backend></rng></devices>',
    ),
  );
  expect(xml).toContain('<target dev="vda" bus="virtio"/>');
  expect(xml).toContain('/dev/urandom');
  expect(dropped).toEqual([]);
});

it.each([
  [
    'a document type',
    '<!DOCTYPE domain [<!ENTITY x SYSTEM "file:///etc/shadow">]><domain type="kvm"><name>&x;</name></domain>',
  ],
  ['a container', domain('', 'lxc')],
  ['something else', '<network/>'],
])('refuses %s', (_, text) => {
  expect(() => sanitiseDomain(text)).toThrow(expect.objectContaining({ code: 'IMAGE_REJECTED' }));
});
