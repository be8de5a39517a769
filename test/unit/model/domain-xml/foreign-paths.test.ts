import { describe, expect, it } from 'vitest';
import { findForeignPaths } from '../../../../src/model/domain-xml/foreign-paths.ts';
import { isBootFilePath, listBootFiles } from '../../../../src/model/domain-xml/host-paths.ts';

const OWN = { folders: ['/instances/one'], files: ['/store/images/i/disk-vda.qcow2'] };

function domain(parts: { devices?: string; top?: string; os?: string }): string {
  const { devices = '', top = '', os = '' } = parts;
  return `<domain type='kvm'><name>a/b</name><os>${os}</os>${top}<devices>${devices}</devices></domain>`;
}

function foreign(parts: { devices?: string; top?: string; os?: string }): string[] {
  return findForeignPaths(domain(parts), OWN).map(({ place, path }) => `${place} ${path}`);
}

describe('findForeignPaths', () => {
  it.each([
    ['the disk of the instance', { devices: "<disk><source file='/instances/one/disk-vda.qcow2'/></disk>" }],
    [
      'the image below it',
      { devices: "<disk><backingStore><source file='/store/images/i/disk-vda.qcow2'/></backingStore></disk>" },
    ],
    ['its variables', { os: "<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/instances/one/nvram.fd</nvram>" }],
    ['firmware of the host', { os: "<loader type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>" }],
    ['a kernel of the host', { os: '<kernel>/boot/vmlinuz</kernel><initrd>/boot/initrd.img</initrd>' }],
    ['entropy', { devices: "<rng><backend model='random'>/dev/urandom</backend></rng>" }],
    ['no path: the kernel command line', { os: '<cmdline>root=/dev/vda1 console=ttyS0</cmdline>' }],
    ['no path: metadata', { top: "<metadata><a:b xmlns:a='http://a/b'>/etc/shadow</a:b></metadata>" }],
    ['no path: a time zone', { top: "<clock offset='timezone' timezone='Europe/Berlin'/>" }],
    [
      'no path: a filter parameter',
      { devices: "<interface><filterref><parameter name='NET' value='10.0.0.0/8'/></filterref></interface>" },
    ],
    ['no path: a serial number', { devices: '<disk><serial>a/b</serial></disk>' }],
    [
      'no path: what SMBIOS says',
      { top: "<sysinfo type='smbios'><system><entry name='family'>a/b</entry></system></sysinfo>" },
    ],
    ['no path: a host NIC', { devices: "<interface type='direct'><source dev='eth0' mode='bridge'/></interface>" }],
  ])('accepts %s', (_, parts) => {
    expect(foreign(parts)).toEqual([]);
  });

  it.each([
    ['another file as disk', { devices: "<disk><source file='/etc/shadow'/></disk>" }, 'source@file /etc/shadow'],
    ['a host device as disk', { devices: "<disk><source dev='/dev/sda'/></disk>" }, 'source@dev /dev/sda'],
    ['a relative path', { devices: "<disk><source file='shadow'/></disk>" }, 'source@file shadow'],
    [
      'a way out of the folder',
      { devices: "<disk><source file='/instances/one/../two/disk.qcow2'/></disk>" },
      'source@file /instances/one/../two/disk.qcow2',
    ],
    [
      'a folder with the same beginning',
      { devices: "<disk><source file='/instances/one-more/disk.qcow2'/></disk>" },
      'source@file /instances/one-more/disk.qcow2',
    ],
    [
      'the folder itself',
      { devices: "<filesystem><source dir='/instances/one'/></filesystem>" },
      'source@dir /instances/one',
    ],
    [
      'another image as backing file',
      { devices: "<disk><backingStore><source file='/store/images/j/disk-vda.qcow2'/></backingStore></disk>" },
      'source@file /store/images/j/disk-vda.qcow2',
    ],
    ['a secret as firmware', { os: '<loader>/etc/shadow</loader>' }, 'os/loader /etc/shadow'],
    ['a secret as template', { os: "<nvram template='/etc/shadow'/>" }, 'nvram@template /etc/shadow'],
    ['a secret as initrd', { os: '<initrd>/etc/shadow</initrd>' }, 'os/initrd /etc/shadow'],
    ['a way out of a kernel folder', { os: '<initrd>/boot/../etc/shadow</initrd>' }, 'os/initrd /boot/../etc/shadow'],
    ['a relative initrd', { os: '<initrd>etc</initrd>' }, 'os/initrd etc'],
    [
      'firmware as a disk',
      { devices: "<disk><source file='/usr/share/OVMF/OVMF_CODE_4M.fd'/></disk>" },
      'source@file /usr/share/OVMF/OVMF_CODE_4M.fd',
    ],
    [
      'a secret as entropy',
      { devices: "<rng><backend model='random'>/etc/shadow</backend></rng>" },
      'rng/backend /etc/shadow',
    ],
    [
      'a relative path as entropy',
      { devices: "<rng><backend model='random'>vmlinuz</backend></rng>" },
      'rng/backend vmlinuz',
    ],
    ['text split by a comment', { os: '<kernel>/etc/<!-- -->shadow</kernel>' }, 'os/kernel /etc/shadow'],
    ['text in CDATA', { os: '<kernel><![CDATA[/etc/shadow]]></kernel>' }, 'os/kernel /etc/shadow'],
    ['a script', { devices: "<interface><script path='evil'/></interface>" }, 'script@path evil'],
    ['a program', { devices: '<emulator>/tmp/evil</emulator>' }, 'devices/emulator /tmp/evil'],
    ['what nobody has heard of', { devices: "<gadget where='/etc/shadow'/>" }, 'gadget@where /etc/shadow'],
    [
      'a foreign namespace',
      { devices: "<disk><x:source xmlns:x='urn:x' file='/etc/shadow'/></disk>" },
      'x:source@file /etc/shadow',
    ],
    [
      'metadata in the wrong place',
      { devices: "<metadata><disk file='/etc/shadow'/></metadata>" },
      'disk@file /etc/shadow',
    ],
    [
      'a firmware configuration file',
      { top: "<sysinfo><entry name='opt/x' file='/etc/shadow'/></sysinfo>" },
      'entry@file /etc/shadow',
    ],
  ])('finds %s', (_, parts, found) => {
    expect(foreign(parts)).toContain(found);
  });
});

describe('host files that a domain only reads', () => {
  it('are listed with their kind', () => {
    const os = "<kernel>/boot/vmlinuz</kernel><initrd/><loader>/usr/a</loader><nvram template='/usr/b'/>";
    expect(listBootFiles(domain({ os }))).toEqual([
      { path: '/boot/vmlinuz', kind: 'direct' },
      { path: '/usr/a', kind: 'firmware' },
      { path: '/usr/b', kind: 'firmware' },
    ]);
  });

  it.each([
    ['/boot/vmlinuz-6.1', true],
    ['/usr/share/OVMF/OVMF_CODE_4M.fd', true],
    ['/var/lib/libvirt/images/vmlinuz', true],
    ['/var/lib/libvirt/qemu/nvram/other_VARS.fd', false],
    ['/etc/shadow', false],
    ['/usr', false],
    ['/usr/../etc/shadow', false],
    ['/usr//etc', false],
    ['usr/share/x', false],
    ['/bootleg/x', false],
  ])('%s may be one: %s', (path, isAllowed) => {
    expect(isBootFilePath(path)).toBe(isAllowed);
  });
});
