import { z } from 'zod';

/** As many and as long as Nova's metadata may be, so that images can travel to Glance. */
const MAX_PROPERTIES = 128;
const MAX_VALUE_CHARACTERS = 255;
const KEY = /^[A-Za-z0-9_.:-]{1,255}$/;

/** Told by Darkroom itself: a caller that could set them would lie about where an image comes from. */
const RESERVED_KEYS: ReadonlySet<string> = new Set([
  'image_type',
  'image_location',
  'image_state',
  'instance_uuid',
  'base_image_ref',
  'backup_type',
  'user_id',
  'owner_id',
]);
/** Signatures and keys belong to one file and must not be claimed for another. */
const RESERVED_PREFIXES = ['img_signature', 'signature_verified', 'cinder_encryption_key', 'os_glance_'];

export function isReservedProperty(key: string): boolean {
  const lowered = key.toLowerCase();
  return RESERVED_KEYS.has(lowered) || RESERVED_PREFIXES.some((prefix) => lowered.startsWith(prefix));
}

/** What is wrong with a property that a caller states, or null. */
export function judgeProperty(key: string, value: string): string | null {
  if (!KEY.test(key)) return `key '${key}' must be 1 to 255 of the characters A-Z a-z 0-9 _ . : -`;
  if (isReservedProperty(key)) return `'${key}' is set by Darkroom itself and cannot be stated`;
  if ([...value].length > MAX_VALUE_CHARACTERS)
    return `value of '${key}' is longer than ${MAX_VALUE_CHARACTERS} characters`;
  if (/[\p{Cc}\p{Cs}]/u.test(value)) return `value of '${key}' holds control characters or broken Unicode`;
  return null;
}

export const propertiesSchema = z.record(z.string(), z.string()).check((context) => {
  const entries = Object.entries(context.value);
  if (entries.length > MAX_PROPERTIES) {
    context.issues.push({ code: 'custom', input: entries.length, message: `must not be more than ${MAX_PROPERTIES}` });
  }
  for (const [key, value] of entries) {
    const complaint = judgeProperty(key, value);
    if (complaint !== null) context.issues.push({ code: 'custom', input: value, path: [key], message: complaint });
  }
});
