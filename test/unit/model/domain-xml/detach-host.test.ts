import { describe, expect, it } from 'vitest';
import { detachFromHost } from '../../../../src/model/domain-xml/detach-host.ts';
import { parseXml, rootElement, serializeXml } from '../../../../src/model/domain-xml/xml.ts';
import { sampleDomain } from './sample-domain.ts';

function detach(xml: string): { dropped: string[]; xml: string } {
  const document = parseXml(xml);
  const dropped = detachFromHost(rootElement(document));
  return { dropped, xml: serializeXml(document) };
}

const QEMU_NAMESPACE = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";

describe('detachFromHost', () => {
  it.each([
    ['host device', "<hostdev mode='subsystem' type='pci'/>"],
    ['host network device', "<interface type='hostdev'/>"],
    ['shared folder', "<filesystem type='mount'><source dir='/srv/share'/><target dir='share'/></filesystem>"],
    ['shared memory device', "<shmem name='both'/>"],
    ['host-backed memory device', "<memory model='nvdimm'><source><path>/tmp/nvdimm</path></source></memory>"],
    ['host-backed memory device', "<memory model='sgx-epc'/>"],
    ['lock lease', "<lease><lockspace>a</lockspace><key>b</key><target path='/lease'/></lease>"],
    ['host input device', "<input type='evdev'><source dev='/dev/input/event1'/></input>"],
    [
      'USB redirection',
      "<redirdev bus='usb' type='tcp'><source mode='connect' host='localhost' service='4000'/></redirdev>",
    ],
    ['smart card', "<smartcard mode='host'/>"],
    ['entropy daemon', "<rng model='virtio'><backend model='egd' type='udp'/></rng>"],
    ['host TPM', "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>"],
    [
      'host TPM',
      "<tpm model='tpm-crb'><backend type='external'><source type='unix' mode='connect' path='/s'/></backend></tpm>",
    ],
    [
      'encryption of the TPM state',
      "<tpm><backend type='emulator' version='2.0'><encryption secret='b6d2c4e2'/></backend></tpm>",
    ],
    ['persistent store file', "<pstore backend='acpi-erst'><path>/tmp/erst</path></pstore>"],
    ['option ROM file', "<interface type='user'><rom bar='on' file='/etc/secret.rom'/></interface>"],
    ['window on the host', "<graphics type='sdl' display=':0.0' xauth='/root/.Xauthority'/>"],
    ['host sound', "<audio id='1' type='file' path='/tmp/sound.wav'/>"],
    [
      'entropy from /etc/shadow (now /dev/urandom)',
      "<rng model='virtio'><backend model='random'>/etc/shadow</backend></rng>",
    ],
  ])('drops and names a %s', (what, devices) => {
    expect(detach(sampleDomain({ devices })).dropped).toEqual([what]);
  });

  it.each([
    ['huge pages', '<memoryBacking><hugepages/></memoryBacking>'],
    ['NUMA placement', "<numatune><memory mode='strict' nodeset='0'/></numatune>"],
    ['2 × vCPU pinning', "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='2'/></cputune>"],
    ['emulator pinning', "<cputune><emulatorpin cpuset='1'/></cputune>"],
    ['I/O thread pinning', "<cputune><iothreadpin iothread='1' cpuset='1'/></cputune>"],
    ['cache partition', "<cputune><cachetune vcpus='0'/></cputune>"],
    ['memory bandwidth partition', "<cputune><memorytune vcpus='0'/></cputune>"],
    ['host block device weight', '<blkiotune><device><path>/dev/sda</path></device></blkiotune>'],
    ['resource partition', '<resource><partition>/virtualmachines/production</partition></resource>'],
    ['launch security', "<launchSecurity type='sev'/>"],
    ['security label', "<seclabel type='static' model='dac'><label>root:root</label></seclabel>"],
    ['firmware configuration file', "<sysinfo type='fwcfg'><entry name='opt/a' file='/etc/shadow'/></sysinfo>"],
    ['hypervisor-specific setting', `<qemu:commandline ${QEMU_NAMESPACE}><qemu:arg value='-s'/></qemu:commandline>`],
    ['hypervisor-specific setting', `<qemu:override ${QEMU_NAMESPACE}/>`],
  ])('drops and names: %s', (what, top) => {
    expect(detach(sampleDomain({ top })).dropped).toEqual([what]);
  });

  it('drops and names ACPI tables that are host files', () => {
    expect(detach(sampleDomain({ os: "<acpi><table type='slic'>/etc/slic.bin</table></acpi>" })).dropped).toEqual([
      'ACPI table file',
    ]);
  });

  it('forgets pinning and the emulator without a word, and leaves nothing of them', () => {
    const { dropped, xml } = detach(
      sampleDomain({
        top: '<resource><partition>/machine</partition></resource>',
        devices:
          "<memory model='dimm'><source><pagesize>2048</pagesize></source><target><size>1</size></target></memory>",
      }),
    );
    expect(dropped).toEqual([]);
    for (const word of ['cpuset', 'placement', '<emulator>', '<resource>', 'pagesize']) expect(xml).not.toContain(word);
    expect(xml).toContain('<memory model="dimm">');
  });

  it("leaves what is the domain's own as it is", () => {
    const devices = `<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>
      <rng model='virtio'><backend model='random'>/dev/random</backend></rng>
      <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
      <channel type='qemu-vdagent'><source><clipboard copypaste='yes'/></source><target type='virtio' name='com.redhat.spice.0'/></channel>
      <redirdev bus='usb' type='spicevmc'/><audio id='1' type='spice'/>`;
    const source = sampleDomain({ devices });
    const { dropped, xml } = detach(source);
    expect(dropped).toEqual([]);
    expect(xml).toContain(
      serializeXml(parseXml(`<devices>${devices}</devices>`)).slice('<devices>'.length, -'</devices>'.length),
    );
  });
});

describe('consoles and channels', () => {
  it.each([
    ['file', "<serial type='file'><source path='/var/log/vm.log'/><target port='0'/></serial>", 'file /var/log/vm.log'],
    [
      'unix',
      "<serial type='unix'><source mode='bind' path='/run/vm.sock'/><target port='0'/></serial>",
      'unix /run/vm.sock',
    ],
    [
      'tcp',
      "<serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/><protocol type='telnet'/><target port='0'/></serial>",
      'tcp 4555',
    ],
    ['dev', "<parallel type='dev'><source path='/dev/parport0'/><target port='0'/></parallel>", 'dev /dev/parport0'],
    [
      'pipe',
      "<console type='pipe'><source path='/tmp/pipe'/><target type='virtio' port='0'/></console>",
      'pipe /tmp/pipe',
    ],
  ])('turns a %s into a pty, keeps its port and says so', (_, device, peer) => {
    const { dropped, xml } = detach(sampleDomain({ devices: device }));
    expect(dropped).toEqual([`the console's ${peer} (now a pty)`]);
    expect(xml).toMatch(/<(serial|parallel|console) type="pty"><target (type="virtio" )?port="0"\/>/);
  });

  it('names a console once that is the first serial port once more', () => {
    const both = "<serial type='file'><source path='/l'/></serial><console type='file'><source path='/l'/></console>";
    expect(detach(sampleDomain({ devices: both })).dropped).toEqual(["the console's file /l (now a pty)"]);
  });

  it('removes the number of a pty and the log of any console', () => {
    const device =
      "<serial type='pty' tty='/dev/pts/1'><source path='/dev/pts/1'/><log file='/var/log/a' append='on'/></serial>";
    const { dropped, xml } = detach(sampleDomain({ devices: device }));
    expect(dropped).toEqual([]);
    expect(xml).toContain('<serial type="pty"/>');
  });

  it('lets libvirt make the socket of the guest agent', () => {
    const device =
      "<channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/channel/source.agent'/><target type='virtio' name='org.qemu.guest_agent.0'/></channel>";
    const { dropped, xml } = detach(sampleDomain({ devices: device }));
    expect(dropped).toEqual([]);
    expect(xml).toContain('<channel type="unix"><target type="virtio" name="org.qemu.guest_agent.0"/></channel>');
  });

  it.each([
    [
      'connects to a socket of the host',
      "<channel type='unix'><source mode='connect' path='/s'/><target type='virtio' name='a'/></channel>",
      'channel a',
    ],
    [
      'forwards into the guest',
      "<channel type='unix'><source mode='bind' path='/s'/><target type='guestfwd' address='10.0.2.1' port='4600'/></channel>",
      'channel guestfwd',
    ],
    [
      'writes to a file',
      "<channel type='file'><source path='/s'/><target type='virtio' name='b'/></channel>",
      'channel b',
    ],
  ])('drops a channel that %s', (_, device, what) => {
    const { dropped, xml } = detach(sampleDomain({ devices: device }));
    expect(dropped).toEqual([what]);
    expect(xml).not.toContain('<channel');
  });
});

describe('displays', () => {
  it('lets libvirt choose the ports', () => {
    const graphics =
      "<graphics type='vnc' port='5901' autoport='no' websocket='5701' listen='127.0.0.1' passwd='secret'/>";
    const { xml } = detach(sampleDomain({ devices: graphics }));
    expect(xml).toContain('<graphics type="vnc" autoport="yes" websocket="-1" listen="127.0.0.1" passwd="secret"/>');
  });

  it('lets libvirt make the socket of a display', () => {
    const graphics =
      "<graphics type='vnc' socket='/run/vnc.sock'><listen type='socket' socket='/run/vnc.sock'/></graphics>";
    const { xml } = detach(sampleDomain({ devices: graphics }));
    expect(xml).toContain('<graphics type="vnc"><listen type="socket"/></graphics>');
  });

  it('names no render node of the host', () => {
    const devices =
      "<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics><video><model type='virtio'><acceleration accel3d='yes' rendernode='/dev/dri/renderD128'/></model></video>";
    expect(detach(sampleDomain({ devices })).xml).not.toContain('rendernode');
  });

  it("keeps the sound card when the host's sound goes", () => {
    const devices =
      "<sound model='ich9'><audio id='1'/></sound><audio id='1' type='pulseaudio' serverName='/run/pulse'><input/></audio>";
    const { xml } = detach(sampleDomain({ devices }));
    expect(xml).toContain('<sound model="ich9"><audio id="1"/></sound><audio id="1" type="none"/>');
  });
});
