import type { Element } from '@xmldom/xmldom';
import { DarkroomError } from '../errors.ts';
import { appendElement, attribute, ensureElement, selectElements } from './xml.ts';

/** Buses that a seed can be on, with the letters that their targets begin with. */
const PREFIXES: ReadonlyMap<string, string> = new Map([
  ['virtio', 'vd'],
  ['scsi', 'sd'],
  ['sata', 'sd'],
  ['usb', 'sd'],
  ['ide', 'hd'],
]);
const ALPHABET = [...'abcdefghijklmnopqrstuvwxyz'];
const IDE_PLACES = 4;

/** Attaches a NoCloud seed, read-only, on the bus of the first disk, because the guest certainly has that driver. */
export function attachSeed(domain: Element, seedPath: string): void {
  const firstBus = attribute("./devices/disk[@device='disk' or not(@device)]/target", 'bus', domain) ?? 'virtio';
  const bus = PREFIXES.has(firstBus) ? firstBus : 'virtio';
  const target = freeTarget(domain, bus);
  const disk = appendElement(ensureElement(domain, 'devices'), 'disk', {
    type: 'file',
    device: bus === 'virtio' ? 'disk' : 'cdrom',
  });
  appendElement(disk, 'driver', { name: 'qemu', type: 'raw' });
  appendElement(disk, 'source', { file: seedPath });
  appendElement(disk, 'backingStore');
  appendElement(disk, 'target', { dev: target, bus });
  appendElement(disk, 'readonly');
}

function freeTarget(domain: Element, bus: string): string {
  const prefix = PREFIXES.get(bus) ?? 'vd';
  const names = new Set(selectElements('./devices/disk/target', domain).map((target) => target.getAttribute('dev')));
  const units = takenUnits(domain, bus);
  const index = candidates(bus).find((place) => !names.has(`${prefix}${ALPHABET[place]}`) && !units.has(place));
  if (index === undefined) {
    throw new DarkroomError('INSTANCE_UNSUPPORTED', `There is no free place on the ${bus} bus for the cloud-init seed`);
  }
  return `${prefix}${ALPHABET[index]}`;
}

/** On virtio a target is only a name, so the last ones stay clear of the guest's; elsewhere it is a place on a controller. */
function candidates(bus: string): number[] {
  const all = ALPHABET.map((_, index) => index);
  if (bus === 'ide') return all.slice(0, IDE_PLACES).reverse();
  return bus === 'virtio' ? all.reverse() : all;
}

/** Places on the first controller that disks have by address, whatever their names say. */
function takenUnits(domain: Element, bus: string): ReadonlySet<number> {
  const addresses = selectElements(`./devices/disk[target/@bus='${bus}']/address[@type='drive']`, domain);
  const onFirst = addresses.filter((address) => Number(address.getAttribute('controller') ?? '0') === 0);
  return new Set(
    onFirst.map((address) => {
      const unit = Number(address.getAttribute('unit') ?? '0');
      return bus === 'ide' ? Number(address.getAttribute('bus') ?? '0') * 2 + unit : unit;
    }),
  );
}
