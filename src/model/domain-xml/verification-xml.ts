import { appendElement, ensureElement, parseXml, removeElements, rootElement, serializeXml, setText } from './xml.ts';

/**
 * A machine derived by buildLaunchXml as it may run for a moment only: on no network, with its first serial port in a
 * file (https://libvirt.org/formatdomain.html#device-logfile), gone when it stops or crashes.
 */
export function buildVerificationXml(xml: string, options: { readonly consolePath: string }): string {
  const document = parseXml(xml);
  const domain = rootElement(document);
  removeElements('./devices/interface | ./devices/serial | ./devices/console | ./devices/graphics', domain);
  // a port forwarded from elsewhere is a network too
  removeElements('./devices/redirdev | ./devices/smartcard', domain);
  const serial = appendElement(ensureElement(domain, 'devices'), 'serial', { type: 'file' });
  appendElement(serial, 'source', { path: options.consolePath });
  appendElement(serial, 'target', { port: '0' });
  for (const event of ['on_poweroff', 'on_reboot', 'on_crash']) removeElements(`./${event}`, domain);
  setText(domain, 'on_crash', 'destroy');
  return serializeXml(document);
}
