import type { GuestDisk } from './guest-disks.ts';
import type { Firmware } from './guest-image.ts';

export interface GuestXmlOptions {
  readonly name: string;
  readonly folder: string;
  readonly disks: readonly GuestDisk[];
  readonly firmware: Firmware;
  readonly hasTpm: boolean;
  readonly hasAgent: boolean;
  readonly virtType: 'qemu' | 'kvm';
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** Name of a libvirt network. */
  readonly network: string | null;
  /** ISO file in a CD-ROM drive; '' is an empty drive. */
  readonly cdrom: string | null;
  /** Put into <devices> as it is. */
  readonly extraDevices: string;
}

/** Domain XML of a test guest (https://libvirt.org/formatdomain.html). */
export function guestXml(options: GuestXmlOptions): string {
  return `<domain type='${options.virtType}'>
  <name>${options.name}</name>
  <memory unit='MiB'>${options.memoryMiB}</memory>
  <vcpu>${options.vcpus}</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type>${firmwareXml(options)}<boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  ${options.virtType === 'qemu' ? "<cpu mode='maximum'/>" : ''}
  <on_crash>destroy</on_crash>
  <devices>
    ${options.disks.map(diskXml).join('\n    ')}
    ${options.disks.some((disk) => disk.target.startsWith('sd')) ? "<controller type='scsi' model='virtio-scsi'/>" : ''}
    ${options.cdrom === null ? '' : cdromXml(options.cdrom)}
    ${options.network === null ? '' : `<interface type='network'><source network='${options.network}'/><model type='virtio'/></interface>`}
    <serial type='file'><source path='${options.folder}/serial.log'/></serial>
    ${options.hasAgent ? "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>" : ''}
    ${options.hasTpm ? "<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>" : ''}
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='virtio'/>
    ${options.extraDevices}
  </devices>
</domain>`;
}

function firmwareXml(options: GuestXmlOptions): string {
  if (options.firmware === 'bios') return '';
  return (
    "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>" +
    `<nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>/var/lib/libvirt/qemu/nvram/${options.name}_VARS.fd</nvram>`
  );
}

function diskXml(disk: GuestDisk): string {
  const isBlock = disk.path.startsWith('/dev/');
  const bus = disk.target.startsWith('sd') ? 'scsi' : 'virtio';
  return (
    `<disk type='${isBlock ? 'block' : 'file'}' device='disk'><driver name='qemu' type='${disk.format}' discard='unmap'/>` +
    `<source ${isBlock ? 'dev' : 'file'}='${disk.path}'/><target dev='${disk.target}' bus='${bus}'/></disk>`
  );
}

function cdromXml(path: string): string {
  const source = path === '' ? '' : `<source file='${path}'/>`;
  return `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>${source}<target dev='sdz' bus='sata'/><readonly/></disk>`;
}
