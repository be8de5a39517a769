import type { Image } from '../image.ts';
import { appendElement, ensureElement, parseXml, rootElement, serializeXml, setText } from './xml.ts';

export interface ImportedDefaults {
  readonly virtType: 'kvm' | 'qemu';
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly network: string;
}

const TARGET_PREFIX: Readonly<Record<string, string>> = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd', usb: 'sd' };

/** Target names of an imported image's disks: vda, vdb … by its bus. */
export function importedTarget(properties: Readonly<Record<string, string>>, index: number): string {
  const bus = properties['hw_disk_bus'] ?? 'virtio';
  return `${TARGET_PREFIX[bus] ?? 'vd'}${String.fromCharCode(97 + index)}`;
}

/**
 * The source domain that an imported image never had, from its Glance properties
 * (https://docs.openstack.org/glance/latest/admin/useful-image-properties.html): hw_machine_type, hw_firmware_type,
 * hw_cpu_mode, hw_cpu_model, hw_vif_model, hw_disk_bus, hw_video_model.
 */
export function buildImportedDomainXml(image: Image, defaults: ImportedDefaults): string {
  const document = parseXml(`<domain type="${defaults.virtType}"><name>imported</name></domain>`);
  const domain = rootElement(document);
  const properties = image.properties;
  setText(domain, 'memory', String(Math.max(defaults.memoryMiB, image.minMemoryMiB)));
  ensureElement(domain, 'memory').setAttribute('unit', 'MiB');
  setText(domain, 'vcpu', String(defaults.vcpus));
  const isUefi = properties['hw_firmware_type'] === 'uefi';
  const os = appendElement(domain, 'os', isUefi ? { firmware: 'efi' } : {});
  const machine = properties['hw_machine_type'] ?? 'q35';
  appendElement(os, 'type', { arch: 'x86_64', machine }).textContent = 'hvm';
  if (!isUefi) appendElement(os, 'boot', { dev: 'hd' });
  const features = appendElement(domain, 'features');
  appendElement(features, 'acpi');
  appendElement(features, 'apic');
  appendCpu(domain, properties, defaults.virtType);
  appendElement(domain, 'on_crash').textContent = 'destroy';
  appendDevices(domain, image, defaults.network);
  return serializeXml(document);
}

function appendCpu(
  domain: ReturnType<typeof rootElement>,
  properties: Readonly<Record<string, string>>,
  virtType: 'kvm' | 'qemu',
): void {
  const model = properties['hw_cpu_model'];
  if (model !== undefined) {
    const cpu = appendElement(domain, 'cpu', { mode: 'custom', match: 'exact' });
    appendElement(cpu, 'model').textContent = model;
    return;
  }
  // emulation has no host CPU to show; its own best model is `maximum`
  const fallback = virtType === 'kvm' ? 'host-model' : 'maximum';
  appendElement(domain, 'cpu', { mode: properties['hw_cpu_mode'] ?? fallback });
}

function appendDevices(domain: ReturnType<typeof rootElement>, image: Image, network: string): void {
  const devices = appendElement(domain, 'devices');
  const bus = image.properties['hw_disk_bus'] ?? 'virtio';
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
