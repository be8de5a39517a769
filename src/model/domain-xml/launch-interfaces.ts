import type { Element } from '@xmldom/xmldom';
import { appendElement, ensureElement, removeElement, removeElements, selectElement, selectElements } from './xml.ts';

/** Kinds of connection that another domain may have as well. */
const PORTABLE_TYPES: readonly string[] = ['network', 'bridge', 'direct', 'user', 'null'];

/** What belongs to the source's own connection. */
const PERSONAL = [
  './mac',
  './target',
  './alias',
  './backend',
  './script',
  './downscript',
  './portForward',
  './teaming',
  "./filterref/parameter[@name='IP' or @name='MAC']",
] as const;

/** What may make no sense on another network. */
const OF_ITS_NETWORK = ['./source', './virtualport', './vlan', './ip', './route', './port'] as const;

export interface LaunchNetworking {
  /** libvirt network for all of them, and for a new one where there is none; null: as in the source. */
  readonly network: string | null;
  readonly macs: readonly string[];
}

/** Gives every interface a MAC of its own, and a network where one is asked for. Returns what had to be dropped. */
export function replaceInterfaces(domain: Element, networking: LaunchNetworking): string[] {
  const dropped: string[] = [];
  const kept: Element[] = [];
  for (const element of selectElements('./devices/interface', domain)) {
    const type = element.getAttribute('type') ?? 'network';
    if (networking.network !== null || PORTABLE_TYPES.includes(type)) {
      kept.push(element);
    } else {
      dropped.push(`network interface of type ${type}`);
      removeElement(element);
    }
  }
  if (kept.length === 0 && networking.network !== null) kept.push(addInterface(domain));
  kept.forEach((element, index) => {
    makeOwn(element, networking.macs[index]);
    if (networking.network !== null) connect(element, networking.network);
  });
  return dropped;
}

/** For a machine whose source was on no network. */
function addInterface(domain: Element): Element {
  const element = appendElement(ensureElement(domain, 'devices'), 'interface');
  appendElement(element, 'model', { type: 'virtio' });
  return element;
}

function makeOwn(element: Element, mac: string | undefined): void {
  for (const path of PERSONAL) removeElements(path, element);
  const port = selectElement('./virtualport/parameters', element);
  for (const name of ['interfaceid', 'instanceid']) port?.removeAttribute(name);
  selectElement('./source', element)?.removeAttribute('portid');
  if (mac !== undefined) appendElement(element, 'mac', { address: mac });
}

function connect(element: Element, network: string): void {
  for (const path of OF_ITS_NETWORK) removeElements(path, element);
  element.setAttribute('type', 'network');
  element.removeAttribute('managed');
  appendElement(element, 'source', { network });
}
