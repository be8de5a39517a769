import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { judgeLabel, type Labels, MAX_LABELS, sortLabels } from '../labels.ts';
import { ensureElement, removeElement } from './xml.ts';

/** Namespace and prefix of the element that holds the labels (https://libvirt.org/formatdomain.html#general-metadata). */
export const LABELS_NAMESPACE = 'urn:darkroom:labels:1';
export const LABELS_PREFIX = 'darkroom';

/** What is no label of ours is passed over: anybody may write there. */
export function readLabels(domain: Element): Labels {
  const entries = labelsElements(domain)
    .flatMap(childElements)
    .filter((element) => element.localName === 'label')
    .map((element) => [element.getAttribute('key') ?? '', element.getAttribute('value') ?? ''] as const)
    .filter(([key, value]) => judgeLabel(key, value) === null);
  return sortLabels(entries.slice(0, MAX_LABELS));
}

/** In the place of those that the domain has. */
export function writeLabels(domain: Element, labels: Labels): void {
  for (const element of labelsElements(domain)) removeElement(element);
  if (Object.keys(labels).length === 0) return;
  const document = domain.ownerDocument;
  if (document === null) throw new DarkroomError('INTERNAL', 'The domain belongs to no document');
  const parent = document.createElementNS(LABELS_NAMESPACE, `${LABELS_PREFIX}:labels`);
  for (const [key, value] of Object.entries(labels)) {
    const element = document.createElementNS(LABELS_NAMESPACE, `${LABELS_PREFIX}:label`);
    element.setAttribute('key', key);
    element.setAttribute('value', value);
    parent.appendChild(element);
  }
  ensureElement(domain, 'metadata').appendChild(parent);
}

/** As virDomainSetMetadata takes them, which adds the namespace by itself; null: none. Nothing in a label needs escaping. */
export function formatLabels(labels: Labels): string | null {
  const entries = Object.entries(labels);
  if (entries.length === 0) return null;
  return `<labels>${entries.map(([key, value]) => `<label key='${key}' value='${value}'/>`).join('')}</labels>`;
}

/** Without XPath: every list reads them of every domain. */
function labelsElements(domain: Element): Element[] {
  return childElements(domain)
    .filter(({ tagName }) => tagName === 'metadata')
    .flatMap(childElements)
    .filter(({ namespaceURI, localName }) => namespaceURI === LABELS_NAMESPACE && localName === 'labels');
}

function childElements(element: Element): Element[] {
  return [...element.children];
}
