import { DOMParser, type Document, type Element, type Node, onErrorStopParsing, XMLSerializer } from '@xmldom/xmldom';
import xpath from 'xpath';
import { DarkroomError } from '../errors.ts';

/** Parses an XML document that libvirt wrote or a store holds. INVALID_REQUEST when it is not well-formed. */
export function parseXml(text: string): Document {
  try {
    return new DOMParser({ onError: onErrorStopParsing }).parseFromString(text, 'text/xml');
  } catch (cause) {
    throw new DarkroomError('INVALID_REQUEST', `The domain XML is not well-formed: ${String(cause)}`, { cause });
  }
}

export function serializeXml(document: Document): string {
  return new XMLSerializer().serializeToString(document);
}

export function selectElements(path: string, node: Node): Element[] {
  // xpath is typed for the browser's DOM; the result is checked instead of believed
  const found: unknown = Reflect.apply(xpath.select, xpath, [path, node]);
  if (!Array.isArray(found)) return [];
  return found.filter(isElement);
}

function isElement(value: unknown): value is Element {
  return typeof value === 'object' && value !== null && 'nodeType' in value && value.nodeType === 1;
}

export function selectElement(path: string, node: Node): Element | null {
  return selectElements(path, node)[0] ?? null;
}

export function attribute(path: string, name: string, node: Node): string | null {
  const element = selectElement(path, node);
  return element?.hasAttribute(name) === true ? element.getAttribute(name) : null;
}

export function text(path: string, node: Node): string | null {
  return selectElement(path, node)?.textContent?.trim() ?? null;
}

export function removeElements(path: string, node: Node): number {
  const elements = selectElements(path, node);
  for (const element of elements) removeElement(element);
  return elements.length;
}

/** Removes an element together with the white space before it. */
export function removeElement(element: Element): void {
  const before = element.previousSibling;
  if (before?.nodeType === 3 && before.nodeValue?.trim() === '') before.parentNode?.removeChild(before);
  element.parentNode?.removeChild(element);
}

/** Appends a new child element with attributes and returns it. */
export function appendElement(
  parent: Element,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): Element {
  const document = parent.ownerDocument;
  if (document === null) throw new DarkroomError('INTERNAL', `<${parent.tagName}> belongs to no document`);
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.appendChild(element);
  return element;
}

/** The first child element of that name, made where there is none. */
export function ensureElement(parent: Element, name: string): Element {
  return selectElement(`./${name}`, parent) ?? appendElement(parent, name);
}

export function setText(parent: Element, name: string, value: string): void {
  ensureElement(parent, name).textContent = value;
}

export function rootElement(document: Document): Element {
  const root = document.documentElement;
  if (root === null) throw new DarkroomError('INVALID_REQUEST', 'The domain XML is empty');
  return root;
}
