import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { ensureElement, removeElement, selectElements } from './xml.ts';

/** Namespace of our element in a domain's `<metadata>` (https://libvirt.org/formatdomain.html#general-metadata). */
export const DARKROOM_NAMESPACE = 'urn:darkroom:instance:1';

export interface DarkroomMetadata {
  readonly imageId: string;
}

export function readDarkroomMetadata(domain: Element): DarkroomMetadata | null {
  const imageId = darkroomElements(domain)[0]?.getAttribute('image');
  return imageId ? { imageId } : null;
}

export function writeDarkroomMetadata(domain: Element, metadata: DarkroomMetadata | null): void {
  for (const element of darkroomElements(domain)) removeElement(element);
  if (metadata === null) return;
  const document = domain.ownerDocument;
  if (document === null) throw new DarkroomError('INTERNAL', 'The domain belongs to no document');
  const element = document.createElementNS(DARKROOM_NAMESPACE, 'darkroom:instance');
  element.setAttribute('image', metadata.imageId);
  ensureElement(domain, 'metadata').appendChild(element);
}

function darkroomElements(domain: Element): Element[] {
  return selectElements(`./metadata/*[namespace-uri()='${DARKROOM_NAMESPACE}']`, domain);
}
