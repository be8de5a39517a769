import { judgeStatedProperty } from '../image-request-rules.ts';
import { isReservedProperty } from '../image-rules.ts';
import type { ServiceImage } from '../ports/image-service.ts';
import { isOriginNote, originNote } from './origin-note.ts';

/** Room for what is noted of an image besides. */
const MAX_PROPERTIES = 120;
/** Of the service it came from, and of what it is not: an image of several parts. */
const FOREIGN_KEYS: ReadonlySet<string> = new Set([
  ...['kernel_id', 'ramdisk_id', 'root_device_name', 'block_device_mapping', 'mappings', 'bdm_v2', 'boot_roles'],
  ...['description', 'owner_project_name', 'owner_user_name', 'owner_specified', 'stores'],
]);

export interface PulledProperties {
  readonly properties: Readonly<Record<string, string>>;
  /** That an image cannot have: of a wrong length, or with a value that says nothing here. */
  readonly dropped: readonly string[];
}

/** What an image of an image service brings along: how it wants to be run, and what people noted; nothing that others vouch for. */
export function pulledProperties(service: string, image: Pick<ServiceImage, 'id' | 'properties'>): PulledProperties {
  const wanted = Object.entries(image.properties).filter(([key]) => isPulled(key));
  const fitting = wanted.filter(([key, value]) => judgeStatedProperty(key, value) === null).slice(0, MAX_PROPERTIES);
  const properties = { ...Object.fromEntries(fitting), ...originNote(service, image) };
  return { properties, dropped: wanted.map(([key]) => key).filter((key) => !Object.hasOwn(properties, key)) };
}

function isPulled(key: string): boolean {
  return !isReservedProperty(key) && !FOREIGN_KEYS.has(key) && !isOriginNote(key);
}
