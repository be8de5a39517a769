import { parseXml, rootElement, selectElements, serializeXml } from './xml.ts';

/** The XML without the passwords of its displays: for who may have the machine, but not its owner's secrets. */
export function withoutDisplayPasswords(xml: string): string {
  const document = parseXml(xml);
  for (const graphics of selectElements('./devices/graphics', rootElement(document))) {
    for (const name of ['passwd', 'passwdValidTo']) graphics.removeAttribute(name);
  }
  return serializeXml(document);
}
