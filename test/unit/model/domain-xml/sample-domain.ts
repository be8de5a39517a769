export const SOURCE_UUID = '11111111-2222-4333-8444-555555555555';
export const NEW_UUID = '99999999-8888-4777-8666-555555555555';

/** A domain with these devices besides its disk vda and one interface on `default`. */
export function sampleDomain(parts: { devices?: string; top?: string; os?: string; type?: string } = {}): string {
  return `<domain type='${parts.type ?? 'kvm'}' id='7'>
  <name>source</name>
  <uuid>${SOURCE_UUID}</uuid>
  <title>The source</title>
  <memory unit='KiB'>524288</memory>
  <currentMemory unit='KiB'>524288</currentMemory>
  <vcpu placement='static' cpuset='0-1'>2</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>${parts.os ?? "<boot dev='hd'/>"}</os>
  ${parts.top ?? ''}
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='none'/>
      <source file='/var/lib/libvirt/images/source.img'><seclabel model='dac' relabel='no'/></source>
      <target dev='vda' bus='virtio'/>
      <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
    </disk>
    <interface type='network'>
      <mac address='52:54:00:aa:bb:cc'/>
      <source network='default' portid='b6d2c4e2-6d6f-4a43-9f51-59a3dcb1f6d2'/>
      <target dev='vnet3'/>
      <model type='virtio'/>
    </interface>
    ${parts.devices ?? ''}
  </devices>
</domain>`;
}
