import type { Element } from '@xmldom/xmldom';
import { appendElement, ensureElement, removeElement, selectElements } from './xml.ts';

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
  const element = appendElement(ensureElement(domain, 'metadata'), 'darkroom:instance', {
    'xmlns:darkroom': DARKROOM_NAMESPACE,
  });
  element.setAttribute('image', metadata.imageId);
}

function darkroomElements(domain: Element): Element[] {
  return selectElements(`./metadata/*[namespace-uri()='${DARKROOM_NAMESPACE}']`, domain);
}
