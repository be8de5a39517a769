import type { Element } from '@xmldom/xmldom';
import { detachFromHost } from './detach-host.ts';
import { isBootFilePath } from './host-paths.ts';
import { writeLabels } from './labels.ts';
import { type LaunchDisk, replaceDisks } from './launch-disks.ts';
import { replaceInterfaces } from './launch-interfaces.ts';
import { writeDarkroomMetadata } from './metadata.ts';
import { attachSeed } from './seed-disk.ts';
import {
  appendElement,
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

export interface LaunchPlan {
  readonly uuid: string;
  readonly name: string;
  readonly imageId: string;
  /** The principal that it will belong to; null: the host's. */
  readonly owner: string | null;
  /** null: as in the source. */
  readonly memoryMiB: number | null;
  readonly vcpus: number | null;
  readonly network: string | null;
  readonly disks: readonly LaunchDisk[];
  /** Where the firmware's variables are or will be made; null for a machine without. */
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
  if (document.doctype !== null) document.removeChild(document.doctype);
  const domain = rootElement(document);
  const dropped = [...detachFromHost(domain), ...replaceDisks(domain, plan.disks), ...replaceInterfaces(domain, plan)];
  setIdentity(domain, plan);
  setMemory(domain, plan.memoryMiB);
  setVcpus(domain, plan.vcpus);
  setFirmware(domain, plan.nvramPath);
  if (plan.seedPath !== null) attachSeed(domain, plan.seedPath);
  // what people say of the source is not said of its copies
  writeLabels(domain, {});
  writeDarkroomMetadata(domain, { imageId: plan.imageId, owner: plan.owner });
  return { xml: serializeXml(document), dropped };
}

function setIdentity(domain: Element, plan: LaunchPlan): void {
  domain.removeAttribute('id');
  setText(domain, 'name', plan.name);
  setText(domain, 'uuid', plan.uuid);
  removeElements('./title', domain);
  // an empty <genid/> makes libvirt draw a new one, which tells the guest that it was cloned
  for (const genid of selectElements('./genid', domain)) genid.textContent = '';
  removeElements("./sysinfo/system/entry[@name='uuid']", domain);
  removeElements("./sysinfo/*/entry[@name='serial']", domain);
  for (const cid of selectElements('./devices/vsock/cid', domain)) {
    cid.setAttribute('auto', 'yes');
    cid.removeAttribute('address');
  }
}

function setMemory(domain: Element, memoryMiB: number | null): void {
  if (memoryMiB === null) return;
  for (const name of ['memory', 'currentMemory']) {
    setText(domain, name, String(memoryMiB));
    ensureElement(domain, name).setAttribute('unit', 'MiB');
  }
  removeElements('./maxMemory | ./cpu/numa | ./devices/memory', domain);
}

function setVcpus(domain: Element, vcpus: number | null): void {
  if (vcpus === null) return;
  setText(domain, 'vcpu', String(vcpus));
  selectElement('./vcpu', domain)?.removeAttribute('current');
  removeElements('./vcpus | ./cpu/topology | ./cpu/numa | ./cputune/vcpusched', domain);
}

/** The program is the host's, read-only; the variables are the domain's own. */
function setFirmware(domain: Element, nvramPath: string | null): void {
  for (const loader of selectElements("./os/loader[@type='pflash']", domain)) loader.setAttribute('readonly', 'yes');
  const [nvram, ...others] = selectElements('./os/nvram', domain);
  for (const other of others) removeElement(other);
  if (nvramPath === null) {
    if (nvram !== undefined) removeElement(nvram);
    return;
  }
  const element = nvram ?? appendElement(ensureElement(domain, 'os'), 'nvram');
  element.removeAttribute('type');
  const template = element.getAttribute('template');
  if (template !== null && !isBootFilePath(template)) element.removeAttribute('template');
  element.textContent = nvramPath;
}
