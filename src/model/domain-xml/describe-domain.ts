import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import type { Labels } from '../labels.ts';
import { readLabels } from './labels.ts';
import { readDarkroomMetadata } from './metadata.ts';
import { attribute, parseXml, rootElement, selectElement, selectElements, text } from './xml.ts';

/** A `<disk>` of a domain (https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms). */
export interface DomainDisk {
  readonly target: string;
  readonly device: string;
  readonly bus: string | null;
  /** `type` of the element: file, block, network, volume … */
  readonly sourceType: string;
  /** File or device; null for an empty drive and for sources that are not paths. */
  readonly path: string | null;
  /** `<driver type>`; libvirt treats its absence as raw. */
  readonly format: string;
  readonly isReadOnly: boolean;
  readonly isShareable: boolean;
  readonly isTransient: boolean;
  readonly isEncrypted: boolean;
  readonly hasMirror: boolean;
}

export interface DomainInterface {
  readonly mac: string | null;
  readonly type: string;
  readonly network: string | null;
  readonly model: string | null;
}

/** What the core needs to know of a domain's XML. */
export interface DomainDescription {
  readonly uuid: string;
  readonly name: string;
  readonly virtType: string;
  readonly architecture: string;
  readonly machine: string | null;
  readonly firmware: 'bios' | 'uefi';
  readonly nvramPath: string | null;
  readonly hasTpm: boolean;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** What it has now of them: vCPUs that are plugged in, memory that its balloon leaves. */
  readonly current: { readonly vcpus: number; readonly memoryMiB: number };
  readonly disks: readonly DomainDisk[];
  readonly interfaces: readonly DomainInterface[];
  readonly hasAgentChannel: boolean;
  /** What Darkroom noted in `<metadata>` when it launched the domain. */
  readonly imageId: string | null;
  readonly owner: string | null;
  readonly labels: Labels;
}

export function describeDomain(xml: string): DomainDescription {
  const root = rootElement(parseXml(xml));
  const uuid = text('./uuid', root);
  const name = text('./name', root);
  if (root.tagName !== 'domain' || name === null) {
    throw new DarkroomError('INVALID_REQUEST', `Expected a <domain> with a name, found <${root.tagName}>`);
  }
  const metadata = readDarkroomMetadata(root);
  const most = { vcpus: Number(text('./vcpu', root) ?? '1'), memoryMiB: memoryMiB(root, './memory') ?? 0 };
  return {
    uuid: uuid ?? '',
    name,
    virtType: root.getAttribute('type') ?? 'kvm',
    architecture: attribute('./os/type', 'arch', root) ?? 'x86_64',
    machine: attribute('./os/type', 'machine', root),
    firmware: usesUefi(root) ? 'uefi' : 'bios',
    nvramPath: nvramPath(root),
    hasTpm: selectElement("./devices/tpm/backend[@type='emulator']", root) !== null,
    ...most,
    current: {
      vcpus: Number(attribute('./vcpu', 'current', root) ?? most.vcpus),
      memoryMiB: memoryMiB(root, './currentMemory') ?? most.memoryMiB,
    },
    disks: selectElements('./devices/disk', root).map(describeDisk),
    interfaces: selectElements('./devices/interface', root).map(describeInterface),
    hasAgentChannel: selectElement("./devices/channel/target[@name='org.qemu.guest_agent.0']", root) !== null,
    imageId: metadata?.imageId ?? null,
    owner: metadata?.owner ?? null,
    labels: readLabels(root),
  };
}

function usesUefi(root: Element): boolean {
  return (
    attribute('./os', 'firmware', root) === 'efi' ||
    attribute('./os/loader', 'type', root) === 'pflash' ||
    selectElement('./os/nvram', root) !== null
  );
}

function nvramPath(root: Element): string | null {
  const file = attribute('./os/nvram/source', 'file', root) ?? text('./os/nvram', root);
  return file === null || file === '' ? null : file;
}

/** KiB where the element names no unit (https://libvirt.org/formatdomain.html#memory-allocation). */
const MEMORY_UNIT_BYTES: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1000,
  k: 1024,
  KiB: 1024,
  MB: 1_000_000,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1_000_000_000,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
};

function memoryMiB(root: Element, path: string): number | null {
  const amount = text(path, root);
  const unit = attribute(path, 'unit', root) ?? 'KiB';
  return amount === null ? null : Math.round((Number(amount) * (MEMORY_UNIT_BYTES[unit] ?? 1024)) / 1024 ** 2);
}

function describeDisk(disk: Element): DomainDisk {
  const sourceType = disk.getAttribute('type') ?? 'file';
  return {
    target: attribute('./target', 'dev', disk) ?? '',
    device: disk.getAttribute('device') ?? 'disk',
    bus: attribute('./target', 'bus', disk),
    sourceType,
    path: diskPath(disk, sourceType),
    format: attribute('./driver', 'type', disk) ?? 'raw',
    isReadOnly: selectElement('./readonly', disk) !== null,
    isShareable: selectElement('./shareable', disk) !== null,
    isTransient: selectElement('./transient', disk) !== null,
    isEncrypted: selectElement('./encryption | ./source/encryption', disk) !== null,
    hasMirror: selectElement('./mirror', disk) !== null,
  };
}

function diskPath(disk: Element, sourceType: string): string | null {
  if (sourceType === 'file') return attribute('./source', 'file', disk);
  if (sourceType === 'block') return attribute('./source', 'dev', disk);
  return null;
}

function describeInterface(element: Element): DomainInterface {
  return {
    mac: attribute('./mac', 'address', element)?.toLowerCase() ?? null,
    type: element.getAttribute('type') ?? 'network',
    network: attribute('./source', 'network', element),
    model: attribute('./model', 'type', element),
  };
}
