import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { ensureElement, removeElement, selectElements } from './xml.ts';

/** Namespace of our element in a domain's `<metadata>` (https://libvirt.org/formatdomain.html#general-metadata). */
const DARKROOM_NAMESPACE = 'urn:darkroom:instance:1';

export interface DarkroomMetadata {
  readonly imageId: string;
  /** The principal that it belongs to; null: the host's. */
  readonly owner: string | null;
}

export function readDarkroomMetadata(domain: Element): DarkroomMetadata | null {
  const element = darkroomElements(domain)[0];
  const imageId = element?.getAttribute('image');
  return imageId ? { imageId, owner: element?.getAttribute('owner') || null } : null;
}

export function writeDarkroomMetadata(domain: Element, metadata: DarkroomMetadata | null): void {
  for (const element of darkroomElements(domain)) removeElement(element);
  if (metadata === null) return;
  const document = domain.ownerDocument;
  if (document === null) throw new DarkroomError('INTERNAL', 'The domain belongs to no document');
  const element = document.createElementNS(DARKROOM_NAMESPACE, 'darkroom:instance');
  element.setAttribute('image', metadata.imageId);
  if (metadata.owner !== null) element.setAttribute('owner', metadata.owner);
  ensureElement(domain, 'metadata').appendChild(element);
}

function darkroomElements(domain: Element): Element[] {
  return selectElements(`./metadata/*[namespace-uri()='${DARKROOM_NAMESPACE}']`, domain);
}
