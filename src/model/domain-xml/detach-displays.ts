import type { Element } from '@xmldom/xmldom';
import { appendElement, removeElement, removeElements, selectElement, selectElements } from './xml.ts';

/** Displays that are windows of the host. */
const WINDOWS = "./devices/graphics[@type='sdl' or @type='desktop']";
const REMOTE_TYPES: readonly string[] = ['vnc', 'spice', 'rdp'];
/** Sound that leaves through the guest's own display, or not at all. */
const PRIVATE_SOUND: readonly string[] = ['none', 'spice', 'dbus', 'vnc'];

/** Ports and sockets of displays become automatic; windows on the host's desktop and its sound devices are dropped. */
export function detachDisplays(domain: Element): string[] {
  const windows = removeElements(WINDOWS, domain);
  for (const graphics of selectElements('./devices/graphics', domain)) detachGraphics(graphics);
  for (const element of selectElements('./devices/graphics/gl | ./devices/video/model/acceleration', domain)) {
    element.removeAttribute('rendernode');
  }
  const sound = selectElements('./devices/audio', domain).filter(muteHostSound);
  return [...(windows > 0 ? ['window on the host'] : []), ...(sound.length > 0 ? ['host sound'] : [])];
}

function detachGraphics(graphics: Element): void {
  const type = graphics.getAttribute('type') ?? '';
  if (type === 'dbus') graphics.removeAttribute('address');
  if (!REMOTE_TYPES.includes(type)) return;
  const hasSocket = graphics.hasAttribute('socket') || selectElement("./listen[@type='socket']", graphics) !== null;
  for (const name of ['port', 'tlsPort', 'socket']) graphics.removeAttribute(name);
  if (graphics.hasAttribute('websocket')) graphics.setAttribute('websocket', '-1');
  if (hasSocket) {
    // without a path libvirt makes one in the domain's own folder
    removeElements('./listen', graphics);
    for (const name of ['autoport', 'websocket', 'listen']) graphics.removeAttribute(name);
    appendElement(graphics, 'listen', { type: 'socket' });
  } else {
    graphics.setAttribute('autoport', 'yes');
  }
}

/** The device stays, so that the guest keeps its sound card. */
function muteHostSound(audio: Element): boolean {
  if (PRIVATE_SOUND.includes(audio.getAttribute('type') ?? 'none')) return false;
  for (const child of selectElements('./*', audio)) removeElement(child);
  for (const { name } of [...audio.attributes]) if (name !== 'id') audio.removeAttribute(name);
  audio.setAttribute('type', 'none');
  return true;
}
