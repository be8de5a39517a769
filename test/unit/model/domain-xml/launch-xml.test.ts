import { describe, expect, it } from 'vitest';
import { describeDomain } from '../../../../src/model/domain-xml/describe-domain.ts';
import { findForeignPaths } from '../../../../src/model/domain-xml/foreign-paths.ts';
import { buildLaunchXml, type LaunchPlan } from '../../../../src/model/domain-xml/launch-xml.ts';
import { NEW_UUID, SOURCE_UUID, sampleDomain } from './sample-domain.ts';

const IMAGE_ID = '00000000-0000-4000-8000-000000000001';
const FOLDER = `/var/lib/darkroom/instances/${NEW_UUID}`;
const IMAGE_DISK = `/store/images/${IMAGE_ID}/disk-vda.qcow2`;

function plan(changes: Partial<LaunchPlan> = {}): LaunchPlan {
  return {
    uuid: NEW_UUID,
    name: 'new',
    owner: null,
    imageId: IMAGE_ID,
    memoryMiB: null,
    vcpus: null,
    network: null,
    disks: [
      {
        target: 'vda',
        path: `${FOLDER}/disk-vda.qcow2`,
        format: 'qcow2',
        backing: { path: IMAGE_DISK, format: 'qcow2' },
      },
    ],
    nvramPath: null,
    seedPath: null,
    macs: ['52:54:00:00:00:01'],
    ...changes,
  };
}

describe('buildLaunchXml', () => {
  it('gives the domain a name, UUID and MAC of its own and notes the image', () => {
    const { xml } = buildLaunchXml(sampleDomain(), plan());
    expect(describeDomain(xml)).toMatchObject({
      uuid: NEW_UUID,
      name: 'new',
      imageId: IMAGE_ID,
      memoryMiB: 512,
      vcpus: 2,
      interfaces: [{ mac: '52:54:00:00:00:01', network: 'default', model: 'virtio' }],
    });
    for (const trace of [SOURCE_UUID, 'The source', 'aa:bb:cc', 'vnet3', 'portid', 'id="7"', 'source.img']) {
      expect(xml).not.toContain(trace);
    }
  });

  it('names the image as backing file and keeps libvirt from handing it to the QEMU user', () => {
    const { xml } = buildLaunchXml(sampleDomain(), plan());
    expect(xml).toContain(
      `<source file="${FOLDER}/disk-vda.qcow2"/><backingStore type="file"><format type="qcow2"/>` +
        `<source file="${IMAGE_DISK}"><seclabel model="dac" relabel="no"/></source><backingStore/></backingStore>`,
    );
  });

  it('ends the chain of a full copy, whatever its header claims', () => {
    const disk = { target: 'vda', path: `${FOLDER}/disk-vda.raw`, format: 'raw' as const, backing: null };
    const { xml } = buildLaunchXml(sampleDomain(), plan({ disks: [disk] }));
    expect(xml).toContain(`<source file="${FOLDER}/disk-vda.raw"/><backingStore/>`);
    expect(xml).toContain('<driver name="qemu" type="raw" cache="none"/>');
  });

  it('keeps the place of the disk, and all that it does not know', () => {
    const top = "<features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features><unheard-of of='it'/>";
    const { xml } = buildLaunchXml(sampleDomain({ top }), plan());
    expect(xml).toContain('<address type="pci" domain="0x0000" bus="0x04" slot="0x00" function="0x0"/>');
    expect(xml).toContain('<relaxed state="on"/>');
    expect(xml).toContain('<unheard-of of="it"/>');
  });

  it('ejects media and drops disks that are not in the image', () => {
    const devices = `<disk type='file' device='cdrom'><source file='/iso/a.iso'/><target dev='sda' bus='sata'/><readonly/></disk>
      <disk type='network' device='disk'><source protocol='rbd' name='pool/x'/><target dev='vdb' bus='virtio'/></disk>`;
    const { xml, dropped } = buildLaunchXml(sampleDomain({ devices }), plan());
    expect(dropped).toEqual(['disk vdb']);
    expect(describeDomain(xml).disks.map(({ target, path }) => [target, path])).toEqual([
      ['vda', `${FOLDER}/disk-vda.qcow2`],
      ['sda', null],
    ]);
  });

  it('turns a passed-through block device into a plain disk', () => {
    const source = sampleDomain().replace(
      "type='file' device='disk'",
      "type='block' device='lun' rawio='yes' sgio='filtered'",
    );
    const { xml } = buildLaunchXml(source, plan());
    expect(xml).toContain('<disk type="file" device="disk">');
  });

  it('says that an image is damaged whose XML lacks a disk', () => {
    const disk = { target: 'vdx', path: `${FOLDER}/disk-vdx.qcow2`, format: 'qcow2' as const, backing: null };
    const attempt = (): unknown => buildLaunchXml(sampleDomain(), plan({ disks: [disk] }));
    expect(attempt).toThrow(expect.objectContaining({ code: 'IMAGE_DAMAGED' }));
  });

  it('changes memory and processors where asked, with all that must fit them', () => {
    const top =
      "<maxMemory slots='4'>4194304</maxMemory><vcpus><vcpu id='0' enabled='yes'/></vcpus><cpu><topology sockets='1' cores='2'/><numa><cell id='0'/></numa></cpu>";
    const { xml } = buildLaunchXml(sampleDomain({ top }), plan({ memoryMiB: 2048, vcpus: 4 }));
    expect(describeDomain(xml)).toMatchObject({ memoryMiB: 2048, vcpus: 4 });
    for (const gone of ['maxMemory', '<vcpus>', 'topology', 'numa']) expect(xml).not.toContain(gone);
    expect(xml).toContain('<currentMemory unit="MiB">2048</currentMemory>');
  });

  it('draws new identities: generation id, SMBIOS serial numbers, vsock address', () => {
    const top = `<genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
      <sysinfo type='smbios'><system><entry name='uuid'>${SOURCE_UUID}</entry><entry name='serial'>S1</entry><entry name='family'>F</entry></system></sysinfo>`;
    const devices = "<vsock model='virtio'><cid auto='no' address='3'/></vsock>";
    const { xml } = buildLaunchXml(sampleDomain({ top, devices }), plan());
    expect(xml).toContain('<genid/>');
    expect(xml).toContain('<cid auto="yes"/>');
    expect(xml).not.toContain('S1');
    expect(xml).toContain('<entry name="family">F</entry>');
  });

  it('gives UEFI its own variables, and takes the template only from where firmware is', () => {
    const os =
      "<loader readonly='no' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/etc/shadow' type='file'><source file='/old'/></nvram>";
    const { xml } = buildLaunchXml(sampleDomain({ os }), plan({ nvramPath: `${FOLDER}/nvram.fd` }));
    expect(xml).toContain(
      `<loader readonly="yes" type="pflash">/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram>${FOLDER}/nvram.fd</nvram>`,
    );
  });

  it("keeps a template that belongs to the host's firmware, and adds variables where the source names none", () => {
    const template = '/usr/share/OVMF/OVMF_VARS_4M.fd';
    const nvramPath = `${FOLDER}/nvram.fd`;
    const kept = buildLaunchXml(
      sampleDomain({ os: `<nvram template='${template}'>/old</nvram>` }),
      plan({ nvramPath }),
    );
    expect(kept.xml).toContain(`<nvram template="${template}">${nvramPath}</nvram>`);
    expect(describeDomain(buildLaunchXml(sampleDomain(), plan({ nvramPath })).xml).nvramPath).toBe(nvramPath);
  });

  it('leaves no variables on a machine without UEFI', () => {
    const { xml } = buildLaunchXml(sampleDomain({ os: '<nvram>/old</nvram>' }), plan());
    expect(xml).not.toContain('nvram');
  });

  it('drops a document type, so that no entity comes along', () => {
    const { xml } = buildLaunchXml(
      `<!DOCTYPE domain [<!ENTITY a SYSTEM 'file:///etc/shadow'>]>${sampleDomain()}`,
      plan(),
    );
    expect(xml).not.toContain('ENTITY');
  });

  it('refuses XML that is not well-formed', () => {
    expect(() => buildLaunchXml('<domain><name>', plan())).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST' }),
    );
  });

  it('leaves no host file but its own of a domain with all ties that there are', () => {
    const { xml } = buildLaunchXml(everyTie(), plan({ seedPath: `${FOLDER}/seed.iso` }));
    expect(findForeignPaths(xml, { folders: [FOLDER], files: [IMAGE_DISK] })).toEqual([]);
  });
});

describe('network interfaces', () => {
  const types: readonly (readonly [type: string, source: string, isKept: boolean])[] = [
    ['network', "<source network='default'/>", true],
    ['bridge', "<source bridge='br0'/>", true],
    ['direct', "<source dev='eth0' mode='bridge'/>", true],
    ['user', '', true],
    ['vhostuser', "<source type='unix' path='/run/vhost.sock' mode='client'/>", false],
    ['ethernet', "<script path='/etc/evil'/>", false],
    ['server', "<source address='127.0.0.1' port='5558'/>", false],
    ['udp', "<source address='127.0.0.1' port='5558'/>", false],
    ['vdpa', "<source dev='/dev/vhost-vdpa-0'/>", false],
  ];

  it.each(types)('of type %s %s: kept is %s', (type, source, isKept) => {
    const devices = `<interface type='${type}'>${source}<model type='virtio'/></interface>`;
    const { xml, dropped } = buildLaunchXml(
      sampleDomain({ devices }),
      plan({ macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'] }),
    );
    expect(describeDomain(xml).interfaces.length).toBe(isKept ? 2 : 1);
    expect(dropped).toEqual(isKept ? [] : [`network interface of type ${type}`]);
  });

  it.each(types)('of type %s goes to the network that is asked for', (type, source) => {
    const devices = `<interface type='${type}'>${source}<vlan><tag id='4'/></vlan></interface>`;
    const { xml, dropped } = buildLaunchXml(sampleDomain({ devices }), plan({ network: 'lab', macs: [] }));
    expect(dropped).toEqual([]);
    expect(describeDomain(xml).interfaces).toEqual([
      { mac: null, type: 'network', network: 'lab', model: 'virtio' },
      { mac: null, type: 'network', network: 'lab', model: null },
    ]);
    expect(findForeignPaths(xml, { folders: [FOLDER], files: [IMAGE_DISK] })).toEqual([]);
  });

  it('gets one on the network that is asked for where the source had none', () => {
    const networkless = sampleDomain().replace(/<interface[\s\S]*?<\/interface>/g, '');
    expect(describeDomain(networkless).interfaces).toEqual([]);
    expect(describeDomain(buildLaunchXml(networkless, plan()).xml).interfaces).toEqual([]);
    const { xml } = buildLaunchXml(networkless, plan({ network: 'lab', macs: ['52:54:00:00:00:01'] }));
    expect(describeDomain(xml).interfaces).toEqual([
      { mac: '52:54:00:00:00:01', type: 'network', network: 'lab', model: 'virtio' },
    ]);
  });

  it("keeps nothing of the source's own connection", () => {
    const devices = `<interface type='bridge'><source bridge='br0'/><target dev='tap7'/><backend tap='/dev/net/tun' vhost='/dev/vhost-net'/>
      <virtualport type='openvswitch'><parameters interfaceid='09b11c53' profileid='p'/></virtualport>
      <filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.1'/><parameter name='PORT' value='1'/></filterref></interface>`;
    const { xml } = buildLaunchXml(sampleDomain({ devices }), plan());
    for (const gone of ['tap7', '/dev/net/tun', '09b11c53', '10.0.0.1']) expect(xml).not.toContain(gone);
    for (const kept of ['profileid="p"', 'clean-traffic', 'PORT']) expect(xml).toContain(kept);
  });
});

describe('the seed', () => {
  const seedPath = `${FOLDER}/seed.iso`;

  function seedOf(xml: string): { target: string; bus: string | null; device: string } {
    const found = describeDomain(xml).disks.find((disk) => disk.path === seedPath);
    if (found === undefined) throw new Error('there is no seed');
    expect(found.isReadOnly).toBe(true);
    return { target: found.target, bus: found.bus, device: found.device };
  }

  it('is the last virtio disk, away from those that the guest knows by name', () => {
    const { xml } = buildLaunchXml(sampleDomain(), plan({ seedPath }));
    expect(seedOf(xml)).toEqual({ target: 'vdz', bus: 'virtio', device: 'disk' });
  });

  it.each([
    ['sata', 'sda', '', { target: 'sdb', bus: 'sata', device: 'cdrom' }],
    ['scsi', 'sda', '', { target: 'sdb', bus: 'scsi', device: 'cdrom' }],
    ['usb', 'sda', '', { target: 'sdb', bus: 'usb', device: 'cdrom' }],
    ['ide', 'hda', '', { target: 'hdd', bus: 'ide', device: 'cdrom' }],
    [
      'sata',
      'sda',
      "<address type='drive' controller='0' bus='0' target='0' unit='1'/>",
      { target: 'sdc', bus: 'sata', device: 'cdrom' },
    ],
    [
      'ide',
      'hda',
      "<address type='drive' controller='0' bus='1' target='0' unit='1'/>",
      { target: 'hdc', bus: 'ide', device: 'cdrom' },
    ],
    [
      'sata',
      'sda',
      "<address type='drive' controller='1' bus='0' target='0' unit='1'/>",
      { target: 'sdb', bus: 'sata', device: 'cdrom' },
    ],
    ['constructor', 'vda', '', { target: 'vdz', bus: 'virtio', device: 'disk' }],
  ])('on %s with a disk %s%s', (bus, target, address, expected) => {
    const source = `<domain><name>s</name><os/><devices><disk type='file' device='disk'><target dev='${target}' bus='${bus}'/>${address}</disk></devices></domain>`;
    const disk = { target, path: `${FOLDER}/d`, format: 'qcow2' as const, backing: null };
    const { xml } = buildLaunchXml(source, plan({ seedPath, disks: [disk] }));
    expect(seedOf(xml)).toEqual(expected);
  });

  it('is refused where there is no place left for it', () => {
    const disks = ['hda', 'hdb', 'hdc', 'hdd'].map((target) => ({
      target,
      path: `${FOLDER}/${target}`,
      format: 'qcow2' as const,
      backing: null,
    }));
    const devices = disks
      .map(({ target }) => `<disk type='file' device='disk'><target dev='${target}' bus='ide'/></disk>`)
      .join('');
    const attempt = (): unknown =>
      buildLaunchXml(`<domain><name>s</name><devices>${devices}</devices></domain>`, plan({ seedPath, disks }));
    expect(attempt).toThrow(expect.objectContaining({ code: 'INSTANCE_UNSUPPORTED' }));
  });
});

function everyTie(): string {
  return sampleDomain({
    os: "<loader type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader><nvram template='/etc/passwd'>/old_VARS.fd</nvram><acpi><table type='slic'>/slic</table></acpi>",
    top: `<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>
      <resource><partition>/a/b</partition></resource><blkiotune><device><path>/dev/sda</path></device></blkiotune>
      <x:any xmlns:x='urn:x' file='/etc/shadow'/>`,
    devices: `<disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda' bus='sata'/></disk>
      <disk type='block' device='disk'><source dev='/dev/sdb'/><target dev='vdb' bus='virtio'/></disk>
      <serial type='file'><source path='/log'/></serial><console type='unix'><source mode='bind' path='/sock'/></console>
      <channel type='unix'><source mode='bind' path='/sock'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <channel type='unix'><source mode='connect' path='/sock'/><target type='virtio' name='x'/></channel>
      <interface type='bridge'><source bridge='br0'/><rom file='/rom'/><script path='/script'/></interface>
      <graphics type='vnc' socket='/s'><listen type='socket' socket='/s'/></graphics>
      <graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>
      <audio id='1' type='oss'><input dev='/dev/dsp'/></audio>
      <filesystem><source dir='/srv'/></filesystem><hostdev><source><block>/dev/sdc</block></source></hostdev>
      <rng><backend model='random'>/etc/shadow</backend></rng><memory model='nvdimm'><source><path>/n</path></source></memory>
      <tpm><backend type='emulator'><source type='dir' path='/tpm'/></backend></tpm>
      <video><x:model xmlns:x='urn:x' file='/etc/shadow'/></video>`,
  });
}
