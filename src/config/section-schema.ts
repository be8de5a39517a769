import { z } from 'zod';
import { DarkroomError } from '../model/errors.ts';
import { findNearestWord } from './nearest-word.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Of a host, a store or an image service. */
export const sectionName = z.string().regex(NAME, 'must be 1 to 64 of the characters A-Z a-z 0-9 . _ -');

/** What is wrong first, and with which key of a section whose entries may have those keys. */
export function describeIssue(
  error: z.ZodError,
  known: readonly string[],
): { readonly path: readonly string[]; readonly complaint: string } {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'invalid_key') return { path, complaint: issue.issues[0]?.message ?? 'is wrong' };
  if (issue?.code !== 'unrecognized_keys') return { path, complaint: issue?.message ?? 'is wrong' };
  const key = issue.keys[0] ?? '';
  return { path: [...path, key], complaint: unknownKey(key, known) };
}

export interface SectionOf<Entry> {
  readonly name: string;
  readonly schema: z.ZodType<Readonly<Record<string, Entry>>>;
  /** That an entry may have. */
  readonly keys: readonly string[];
}

/** The entries of a section of a settings file, by name; none where it is absent. INVALID_REQUEST names file and key. */
export function readSection<Entry>(
  file: string,
  document: Readonly<Record<string, unknown>>,
  { name, schema, keys }: SectionOf<Entry>,
): Readonly<Record<string, Entry>> {
  const parsed = schema.safeParse(document[name] ?? {});
  if (parsed.success) return parsed.data;
  const { path, complaint } = describeIssue(parsed.error, keys);
  const key = [name, ...path].join('.');
  const details = { fields: { file, key }, cause: parsed.error };
  throw new DarkroomError('INVALID_REQUEST', `${file}: ${key}: ${complaint}`, details);
}

function unknownKey(key: string, known: readonly string[]): string {
  const nearest = findNearestWord(key, known);
  return nearest === null ? `is not known; known are ${known.join(', ')}` : `is not known; did you mean ${nearest}?`;
}
