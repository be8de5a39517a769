import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { detachFromHost } from './detach-host.ts';
import { isBootFilePath, isEntropyDevice } from './host-paths.ts';
import { parseXml, removeElement, removeElements, rootElement, selectElements, serializeXml } from './xml.ts';

/** Elements that make libvirt or QEMU run or read something of the host, by path or by other means. */
const REACHING: readonly (readonly [path: string, what: string])[] = [
  ["./sysinfo[@type='fwcfg']", 'firmware configuration files'],
  ['./devices/interface/script | ./devices/interface/downscript', 'network script'],
  ["./devices/interface[not(@type='network' or @type='bridge' or @type='user')]", 'network device of the host'],
  ["./devices/tpm/backend[not(@type='emulator')]", 'TPM of the host'],
  ['./devices/disk/source | ./devices/disk/backingStore | ./devices/disk/mirror', ''],
  ['./os/nvram', ''],
  ["./*[contains(namespace-uri(), 'libvirt.org/schemas/domain/')]", 'hypervisor arguments'],
];

export interface SanitisedDomain {
  readonly xml: string;
  /** What was taken out, for the operator. */
  readonly dropped: readonly string[];
}

/**
 * A domain's XML that came with an imported image, without all that reaches into the host: whoever wrote it must not
 * decide what runs or is read here. Disks and firmware variables get their paths anew at launch. IMAGE_REJECTED when it is no
 * domain of a kind that is launched.
 */
export function sanitiseDomain(text: string): SanitisedDomain {
  const document = parseXml(refuseDoctype(text));
  const domain = rootElement(document);
  if (domain.tagName !== 'domain' || !['kvm', 'qemu'].includes(domain.getAttribute('type') ?? '')) {
    throw new DarkroomError('IMAGE_REJECTED', 'The domain XML of the image describes no domain of type kvm or qemu.');
  }
  const dropped = detachFromHost(domain);
  for (const [path, what] of REACHING) {
    if (removeElements(path, domain) > 0 && what !== '') dropped.push(what);
  }
  dropped.push(...removePaths(domain));
  return { xml: serializeXml(document), dropped: [...new Set(dropped)] };
}

/** Entities can swell without bound or name files. */
function refuseDoctype(text: string): string {
  if (!/<!DOCTYPE|<!ENTITY/i.test(text)) return text;
  throw new DarkroomError(
    'IMAGE_REJECTED',
    'The domain XML of the image declares a document type, which none of ours does.',
  );
}

/** Whatever else names an absolute path goes, with the element that names it. */
function removePaths(domain: Element): string[] {
  const dropped: string[] = [];
  for (const element of selectElements('.//*', domain)) {
    const named = findPath(element);
    if (named === null) continue;
    dropped.push(`${element.tagName} (${named})`);
    removeElement(element);
  }
  return dropped;
}

function findPath(element: Element): string | null {
  const values = Array.from(element.attributes, (entry) => entry.value);
  const isLeaf = selectElements('./*', element).length === 0;
  if (isLeaf) values.push(element.textContent?.trim() ?? '');
  return values.find(isHostPath) ?? null;
}

/** Firmware, kernels and entropy are where any host has its own. */
function isHostPath(value: string): boolean {
  return value.startsWith('/') && !isBootFilePath(value) && !isEntropyDevice(value);
}
