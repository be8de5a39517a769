import type { Element } from '@xmldom/xmldom';
import type { Image } from '../image.ts';
import { appendElement, ensureElement, parseXml, rootElement, serializeXml, setText } from './xml.ts';

export interface ImportedDefaults {
  readonly virtType: 'kvm' | 'qemu';
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly network: string;
}

type Properties = Readonly<Record<string, string>>;

const TARGET_PREFIXES: ReadonlyMap<string, string> = new Map([
  ['virtio', 'vd'],
  ['scsi', 'sd'],
  ['sata', 'sd'],
  ['usb', 'sd'],
  ['ide', 'hd'],
]);

/** Target names of an imported image's disks: vda, vdb … by its bus. */
export function importedTarget(properties: Properties, index: number): string {
  return `${TARGET_PREFIXES.get(diskBus(properties)) ?? 'vd'}${letters(index)}`;
}

/** a … z, aa, ab … as the kernel counts disks. */
function letters(index: number): string {
  const last = String.fromCharCode(97 + (index % 26));
  return index < 26 ? last : `${letters(Math.floor(index / 26) - 1)}${last}`;
}

function diskBus(properties: Properties): string {
  return properties['hw_disk_bus'] ?? 'virtio';
}

/**
 * The source domain that an imported image never had, from its Glance properties
 * (https://docs.openstack.org/glance/latest/admin/useful-image-properties.html): hw_machine_type, hw_firmware_type,
 * hw_cpu_mode, hw_cpu_model, hw_vif_model, hw_disk_bus, hw_scsi_model, hw_video_model, os_type.
 */
export function buildImportedDomainXml(image: Image, defaults: ImportedDefaults): string {
  const document = parseXml('<domain><name>imported</name></domain>');
  const domain = rootElement(document);
  domain.setAttribute('type', defaults.virtType);
  const properties = image.properties;
  setText(domain, 'memory', String(Math.max(defaults.memoryMiB, image.minMemoryMiB)));
  ensureElement(domain, 'memory').setAttribute('unit', 'MiB');
  setText(domain, 'vcpu', String(defaults.vcpus));
  appendFirmware(domain, properties);
  const features = appendElement(domain, 'features');
  appendElement(features, 'acpi');
  appendElement(features, 'apic');
  appendCpu(domain, properties, defaults.virtType);
  appendElement(domain, 'clock', { offset: properties['os_type'] === 'windows' ? 'localtime' : 'utc' });
  appendElement(domain, 'on_crash').textContent = 'destroy';
  appendDevices(domain, image, defaults.network);
  return serializeXml(document);
}

function appendFirmware(domain: Element, properties: Properties): void {
  const isUefi = properties['hw_firmware_type'] === 'uefi';
  const os = appendElement(domain, 'os', isUefi ? { firmware: 'efi' } : {});
  // q35 has no IDE
  const machine = properties['hw_machine_type'] ?? (diskBus(properties) === 'ide' ? 'pc' : 'q35');
  appendElement(os, 'type', { arch: 'x86_64', machine }).textContent = 'hvm';
  if (isUefi) {
    // keys that are enrolled beforehand would refuse whatever their owner has not signed
    const firmware = appendElement(os, 'firmware');
    appendElement(firmware, 'feature', { enabled: 'no', name: 'enrolled-keys' });
  }
  appendElement(os, 'boot', { dev: 'hd' });
}

function appendCpu(domain: Element, properties: Properties, virtType: 'kvm' | 'qemu'): void {
  const model = properties['hw_cpu_model'];
  if (model !== undefined) {
    const cpu = appendElement(domain, 'cpu', { mode: 'custom', match: 'exact' });
    appendElement(cpu, 'model').textContent = model;
    return;
  }
  // emulation has no host CPU to show; its own best model is `maximum`
  const fallback = virtType === 'kvm' ? 'host-model' : 'maximum';
  const mode = properties['hw_cpu_mode'] ?? fallback;
  if (mode !== 'none') appendElement(domain, 'cpu', { mode });
}

function appendDevices(domain: Element, image: Image, network: string): void {
  const devices = appendElement(domain, 'devices');
  const bus = diskBus(image.properties);
  if (bus === 'scsi') {
    const model = image.properties['hw_scsi_model'] ?? 'virtio-scsi';
    appendElement(devices, 'controller', { type: 'scsi', index: '0', model });
  }
  for (const disk of image.disks) {
    const element = appendElement(devices, 'disk', { type: 'file', device: 'disk' });
    appendElement(element, 'driver', { name: 'qemu', type: disk.format, discard: 'unmap' });
    appendElement(element, 'target', { dev: disk.target, bus });
  }
  const nic = appendElement(devices, 'interface', { type: 'network' });
  appendElement(nic, 'source', { network });
  appendElement(nic, 'model', { type: image.properties['hw_vif_model'] ?? 'virtio' });
  appendElement(devices, 'serial', { type: 'pty' });
  appendElement(devices, 'console', { type: 'pty' });
  const channel = appendElement(devices, 'channel', { type: 'unix' });
  appendElement(channel, 'target', { type: 'virtio', name: 'org.qemu.guest_agent.0' });
  const rng = appendElement(devices, 'rng', { model: 'virtio' });
  appendElement(rng, 'backend', { model: 'random' }).textContent = '/dev/urandom';
  const video = appendElement(devices, 'video');
  appendElement(video, 'model', { type: image.properties['hw_video_model'] ?? 'vga' });
  appendElement(devices, 'graphics', { type: 'vnc', autoport: 'yes', listen: '127.0.0.1' });
}
