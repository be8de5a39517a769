import type { Element, Node } from '@xmldom/xmldom';
import { parseXml, removeElements } from '../../../src/model/domain-xml/xml.ts';

/**
 * The same text for XML of the same content: libvirt writes children in another order once a guest has been started.
 * One element to a line, so that a difference is read easily.
 */
export function canonicalXml(xml: string, options: { readonly without?: readonly string[] } = {}): string {
  const document = parseXml(xml);
  for (const path of options.without ?? []) removeElements(path, document);
  return document.documentElement === null ? '' : writeElement(document.documentElement, '');
}

function writeElement(element: Element, indent: string): string {
  const attributes = [...element.attributes].map(({ name, value }) => ` ${name}='${value}'`).sort();
  const children = [...element.childNodes].map((child) => writeChild(child, `${indent}  `)).filter(Boolean);
  return [`${indent}<${element.nodeName}${attributes.join('')}>`, ...children.sort()].join('\n');
}

function writeChild(node: Node, indent: string): string {
  if (isElement(node)) return writeElement(node, indent);
  const text = node.nodeType === 3 ? (node.nodeValue ?? '').trim() : '';
  return text === '' ? '' : `${indent}${text}`;
}

function isElement(node: Node): node is Element {
  return node.nodeType === 1;
}
