import { z } from 'zod';

const MAX_CHARACTERS = 255;
/** libvirt keeps `<name>.xml.new` and `<name>.log`, and a file name holds 255 bytes. */
const MAX_INSTANCE_NAME_BYTES = 240;
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** Characters as people count them, so that multibyte names have the same room. */
function countCharacters(text: string): number {
  return [...text].length;
}

function isNameOfFolder(name: string): boolean {
  return name === '.' || name === '..';
}

/** Any text within 255 characters, without control characters; shared by everything that people type. */
function lineOfText(minCharacters: number, maxCharacters: number) {
  return z
    .string()
    .refine((text) => countCharacters(text) >= minCharacters && countCharacters(text) <= maxCharacters, {
      error: `must have ${minCharacters} to ${maxCharacters} characters`,
    })
    .refine((text) => !UNPRINTABLE.test(text), { error: 'must not hold control characters or broken Unicode' });
}

const name = lineOfText(1, MAX_CHARACTERS).refine((text) => text === '' || text.trim() !== '', {
  error: 'must not be blank',
});

export const imageNameSchema = name.refine((text) => !isNameOfFolder(text), { error: "must not be '.' or '..'" });

/** What libvirt takes as the name of a domain, and can make file names of. */
export const instanceNameSchema = name
  .refine((text) => !text.includes('/'), { error: "must not hold '/'" })
  .refine((text) => !isNameOfFolder(text), { error: "must not be '.' or '..'" })
  .refine((text) => text === text.trim(), { error: 'must not begin or end with a blank' })
  .refine((text) => Buffer.byteLength(text) <= MAX_INSTANCE_NAME_BYTES, {
    error: `must not be longer than ${MAX_INSTANCE_NAME_BYTES} bytes`,
  });

const IMPOSSIBLE = /[\0\p{Cs}]/u;

/** A name or an id of something that should exist; whether it does is not for the schema to say. */
export const referenceSchema = z
  .string()
  .min(1, 'must not be empty')
  .max(1024, 'is too long for a name or an id')
  .refine((text) => !IMPOSSIBLE.test(text), { error: 'must not hold a NUL character or broken Unicode' });

/** What certificates and logs can hold without doubt. */
export const principalNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/,
    'must be 1 to 64 of the characters A-Z a-z 0-9 . _ @ -, and begin with a letter or digit',
  );

const MAX_DESCRIPTION_CHARACTERS = 4096;

/** Text of several lines; an empty one is none. */
export const descriptionSchema = z
  .string()
  .refine((text) => countCharacters(text) <= MAX_DESCRIPTION_CHARACTERS, {
    error: `must not have more than ${MAX_DESCRIPTION_CHARACTERS} characters`,
  })
  .nullable()
  .transform((text) => (text === '' ? null : text));

const DAY_MS = 24 * 60 * 60 * 1000;
export const timeoutMsSchema = z.int().min(0).max(DAY_MS);

/** An absolute path on the host that does the work. */
export const pathSchema = z
  .string()
  .max(4095)
  .refine((path) => path.startsWith('/'), { error: 'must be an absolute path' })
  .refine((path) => !IMPOSSIBLE.test(path), { error: 'must not hold a NUL character or broken Unicode' });

/** A body that may be left out: every field of it has a default. */
export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return z.preprocess((body) => body ?? {}, schema);
}
