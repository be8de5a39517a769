import { DarkroomError } from './errors.ts';
import { isReservedProperty } from './image-rules.ts';

/** As long as Glance and Nova let them be, so that images can travel there. */
const MAX_CHARACTERS = 255;
const MAX_PROPERTIES = 128;
const PROPERTY_KEY = /^[A-Za-z0-9_.:-]{1,255}$/;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** INVALID_REQUEST unless an image may be called that: 1 to 255 characters of any language. */
export function requireImageName(name: string): void {
  const length = [...name].length;
  if (name.trim() === '' || length > MAX_CHARACTERS) {
    throw invalid(`An image's name has 1 to ${MAX_CHARACTERS} characters and is not blank; this one has ${length}.`);
  }
  if (UNPRINTABLE.test(name)) throw invalid("An image's name holds no control characters.");
}

/** INVALID_REQUEST unless a caller may state these properties of an image. */
export function requireProperties(properties: Readonly<Record<string, string>>): void {
  const entries = Object.entries(properties);
  if (entries.length > MAX_PROPERTIES) {
    throw invalid(`An image has at most ${MAX_PROPERTIES} properties; these are ${entries.length}.`);
  }
  for (const [key, value] of entries) {
    const complaint = judgeStatedProperty(key, value);
    if (complaint !== null) throw invalid(`The property ${JSON.stringify(key)} ${complaint}.`);
  }
}

/** What is wrong with a property that was stated for an image, or null. */
export function judgeStatedProperty(key: string, value: string): string | null {
  return judgeProperty(key, value) ?? judgeHardware(key, value);
}

function judgeProperty(key: string, value: string): string | null {
  if (!PROPERTY_KEY.test(key)) return 'must be 1 to 255 of the characters A-Z a-z 0-9 _ . : -';
  if (isReservedProperty(key)) return 'is set by Darkroom itself and cannot be stated';
  if ([...value].length > MAX_CHARACTERS) return `is longer than ${MAX_CHARACTERS} characters`;
  if (UNPRINTABLE.test(value)) return 'holds control characters';
  return null;
}

/** Values that decide how an imported image is launched; a wrong one would only show then. */
const HARDWARE_VALUES: Readonly<Record<string, readonly string[]>> = {
  hw_disk_bus: ['virtio', 'scsi', 'sata', 'ide', 'usb'],
  hw_firmware_type: ['bios', 'uefi'],
  hw_cpu_mode: ['host-model', 'host-passthrough', 'maximum'],
};

function judgeHardware(key: string, value: string): string | null {
  const allowed = HARDWARE_VALUES[key];
  // an empty value takes the property away
  if (allowed === undefined || value === '' || allowed.includes(value)) return null;
  return `is ${JSON.stringify(value)}; it can be ${allowed.join(', ')}`;
}

function invalid(message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message);
}
