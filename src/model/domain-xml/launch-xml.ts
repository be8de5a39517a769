import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { detachFromHost } from './detach-host.ts';
import { writeDarkroomMetadata } from './metadata.ts';
import {
  appendElement,
  attribute,
  ensureElement,
  parseXml,
  removeElement,
  removeElements,
  rootElement,
  selectElement,
  selectElements,
  serializeXml,
  setText,
} from './xml.ts';

export interface LaunchDisk {
  readonly target: string;
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  /** The image's file below a thin disk; null for a full copy. */
  readonly backing: { readonly path: string; readonly format: 'qcow2' | 'raw' } | null;
}

export interface LaunchPlan {
  readonly uuid: string;
  readonly name: string;
  readonly imageId: string;
  /** null: as in the source. */
  readonly memoryMiB: number | null;
  readonly vcpus: number | null;
  readonly network: string | null;
  readonly disks: readonly LaunchDisk[];
  readonly nvramPath: string | null;
  /** A NoCloud seed to attach read-only. */
  readonly seedPath: string | null;
  /** One fresh MAC for each interface, in order. */
  readonly macs: readonly string[];
}

export interface LaunchXml {
  readonly xml: string;
  /** What the source had and the new domain has not, for the operator. */
  readonly dropped: readonly string[];
}

/** Derives a new domain from the XML of an image's source: a machine of its own that shares nothing with the source. */
export function buildLaunchXml(sourceXml: string, plan: LaunchPlan): LaunchXml {
  const document = parseXml(sourceXml);
  const domain = rootElement(document);
  setIdentity(domain, plan);
  const dropped = [...detachFromHost(domain), ...replaceDisks(domain, plan.disks)];
  setSize(domain, plan);
  setNvram(domain, plan.nvramPath);
  replaceInterfaces(domain, plan);
  if (plan.seedPath !== null) attachSeed(domain, plan.seedPath);
  writeDarkroomMetadata(domain, { imageId: plan.imageId });
  return { xml: serializeXml(document), dropped };
}

function setIdentity(domain: Element, plan: LaunchPlan): void {
  domain.removeAttribute('id');
  setText(domain, 'name', plan.name);
  setText(domain, 'uuid', plan.uuid);
  removeElements('./title', domain);
  // an empty <genid/> makes libvirt draw a new one, which tells the guest that it was cloned
  for (const genid of selectElements('./genid', domain)) genid.textContent = '';
  removeElements("./sysinfo/system/entry[@name='uuid' or @name='serial']", domain);
  removeElements('./devices//address[@type="vsock"]', domain);
  for (const cid of selectElements('./devices/vsock/cid', domain)) {
    cid.setAttribute('auto', 'yes');
    cid.removeAttribute('address');
  }
  removeElements('./devices/tpm/backend/encryption', domain);
}

function setSize(domain: Element, plan: LaunchPlan): void {
  if (plan.memoryMiB !== null) {
    for (const name of ['memory', 'currentMemory']) {
      setText(domain, name, String(plan.memoryMiB));
      ensureElement(domain, name).setAttribute('unit', 'MiB');
    }
    removeElements('./maxMemory | ./cpu/numa', domain);
  }
  if (plan.vcpus === null) return;
  setText(domain, 'vcpu', String(plan.vcpus));
  selectElement('./vcpu', domain)?.removeAttribute('current');
  removeElements('./vcpus | ./cpu/topology | ./cpu/numa', domain);
}

function setNvram(domain: Element, nvramPath: string | null): void {
  const nvram = selectElement('./os/nvram', domain);
  if (nvramPath === null) {
    if (nvram !== null) nvram.textContent = '';
    return;
  }
  const element = nvram ?? appendElement(ensureElement(domain, 'os'), 'nvram');
  for (const source of selectElements('./source', element)) removeElement(source);
  element.removeAttribute('type');
  element.textContent = nvramPath;
}

function replaceDisks(domain: Element, disks: readonly LaunchDisk[]): string[] {
  const byTarget = new Map(disks.map((disk) => [disk.target, disk]));
  const dropped: string[] = [];
  for (const element of selectElements('./devices/disk', domain)) {
    const target = attribute('./target', 'dev', element) ?? '';
    const disk = byTarget.get(target);
    if (disk !== undefined) {
      setDiskSource(element, disk);
      byTarget.delete(target);
    } else if (isRemovable(element)) {
      ejectMedium(element);
    } else {
      dropped.push(`disk ${target}`);
      removeElement(element);
    }
  }
  const missing = [...byTarget.keys()];
  if (missing.length > 0) {
    throw new DarkroomError('IMAGE_DAMAGED', `The image's domain XML has no disk ${missing.join(', ')}`);
  }
  return dropped;
}

function isRemovable(disk: Element): boolean {
  return ['cdrom', 'floppy'].includes(disk.getAttribute('device') ?? 'disk');
}

function ejectMedium(disk: Element): void {
  removeElements('./source | ./backingStore | ./mirror', disk);
  disk.setAttribute('type', 'file');
}

function setDiskSource(element: Element, disk: LaunchDisk): void {
  removeElements('./source | ./backingStore | ./mirror | ./auth | ./encryption | ./transient', element);
  element.setAttribute('type', 'file');
  element.setAttribute('device', 'disk');
  ensureElement(element, 'driver').setAttribute('name', 'qemu');
  ensureElement(element, 'driver').setAttribute('type', disk.format);
  appendElement(element, 'source', { file: disk.path });
  if (disk.backing !== null) appendBackingStore(element, disk.backing);
}

/** Without relabel='no' libvirt would hand the store's file to the QEMU user for good. */
function appendBackingStore(disk: Element, backing: NonNullable<LaunchDisk['backing']>): void {
  const store = appendElement(disk, 'backingStore', { type: 'file' });
  appendElement(store, 'format', { type: backing.format });
  const source = appendElement(store, 'source', { file: backing.path });
  appendElement(source, 'seclabel', { model: 'dac', relabel: 'no' });
  appendElement(store, 'backingStore');
}

function replaceInterfaces(domain: Element, plan: LaunchPlan): void {
  selectElements('./devices/interface', domain).forEach((element, index) => {
    removeElements('./target | ./alias | ./filterref/parameter[@name="IP" or @name="MAC"]', element);
    removeElements('./mac', element);
    const mac = plan.macs[index];
    if (mac !== undefined) appendElement(element, 'mac', { address: mac });
    if (plan.network === null) {
      selectElement('./source', element)?.removeAttribute('portid');
      return;
    }
    element.setAttribute('type', 'network');
    removeElements('./source | ./virtualport', element);
    appendElement(element, 'source', { network: plan.network });
  });
}

const SEED_BUSES: Readonly<Record<string, string>> = { virtio: 'vd', scsi: 'sd', sata: 'sd', ide: 'hd' };

/** On the bus of the first disk, because that is the one whose driver the guest certainly has. */
function attachSeed(domain: Element, seedPath: string): void {
  const devices = ensureElement(domain, 'devices');
  const firstBus = attribute("./devices/disk[@device='disk' or not(@device)]/target", 'bus', domain) ?? 'virtio';
  const bus = firstBus in SEED_BUSES ? firstBus : 'virtio';
  const isCdrom = bus !== 'virtio';
  const disk = appendElement(devices, 'disk', { type: 'file', device: isCdrom ? 'cdrom' : 'disk' });
  appendElement(disk, 'driver', { name: 'qemu', type: 'raw' });
  appendElement(disk, 'source', { file: seedPath });
  appendElement(disk, 'target', { dev: freeTarget(domain, SEED_BUSES[bus] ?? 'vd'), bus });
  appendElement(disk, 'readonly');
}

function freeTarget(domain: Element, prefix: string): string {
  const taken = new Set(selectElements('./devices/disk/target', domain).map((target) => target.getAttribute('dev')));
  const letters = 'zyxwvutsrqponmlkjihgfedcba';
  // IDE has four places only, the others have room at the end, away from the guest's own disks
  const candidates = prefix === 'hd' ? ['d', 'c', 'b', 'a'] : [...letters];
  const letter = candidates.find((candidate) => !taken.has(`${prefix}${candidate}`));
  if (letter === undefined) {
    throw new DarkroomError('INSTANCE_UNSUPPORTED', 'There is no free disk target for the cloud-init seed');
  }
  return `${prefix}${letter}`;
}
