import type { Image } from '../image.ts';
import { isReservedProperty, RESERVED_PROPERTIES } from '../image-rules.ts';
import { isOriginNote } from './origin-note.ts';
import { isServiceField } from './own-fields.ts';

/** Images of another kind, and files that only the service they came from knows. */
const FOREIGN_KEYS: ReadonlySet<string> = new Set(['kernel_id', 'ramdisk_id']);

/**
 * Properties that an image takes along to an image service: all of its own, as OpenStack's compute service would have written them
 * (https://docs.openstack.org/glance/latest/admin/useful-image-properties.html), and its description. What the service tells itself
 * stays here, and so do signatures and keys, which speak of another file.
 */
export function pushedProperties(image: Pick<Image, 'properties' | 'description'>): Readonly<Record<string, string>> {
  const kept = Object.entries(image.properties).filter(([key]) => isPushed(key));
  return {
    ...(image.description === null ? {} : { description: image.description }),
    ...Object.fromEntries(kept),
    image_state: 'available',
  };
}

function isPushed(key: string): boolean {
  if (RESERVED_PROPERTIES.has(key.toLowerCase())) return true;
  return !isReservedProperty(key) && !isServiceField(key) && !FOREIGN_KEYS.has(key) && !isOriginNote(key);
}
