import { DarkroomError } from './errors.ts';

/** What people say of an instance, to find it by: `env` = `prod`. */
export type Labels = Readonly<Record<string, string>>;

export const MAX_LABELS = 64;
const WORD = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/;
const WORD_RULE = '1 to 63 of the characters A-Z a-z 0-9 _ . / -, the first one a letter or a digit';

/** What is wrong with a label, or null. */
export function judgeLabel(key: string, value: string): string | null {
  if (!WORD.test(key)) return `has a key that is not ${WORD_RULE}`;
  if (!WORD.test(value)) return `has a value that is not ${WORD_RULE}`;
  return null;
}

/** The same of a change, in which an empty value takes the label away. */
export function judgeLabelChange(key: string, value: string): string | null {
  return judgeLabel(key, value === '' ? 'removed' : value);
}

/** `current` with `changes`, by key; an empty value takes a label away. INVALID_REQUEST when they are wrong or too many. */
export function mergeLabels(current: Labels, changes: Labels): Labels {
  for (const [key, value] of Object.entries(changes)) {
    const complaint = judgeLabelChange(key, value);
    if (complaint !== null) throw invalid(`The label ${JSON.stringify(key)} ${complaint}.`);
  }
  const kept = [...new Map([...Object.entries(current), ...Object.entries(changes)])].filter(
    ([, value]) => value !== '',
  );
  if (kept.length > MAX_LABELS) {
    throw invalid(`An instance has at most ${MAX_LABELS} labels; these would be ${kept.length}.`);
  }
  return sortLabels(kept);
}

/** By key, so that the same labels look the same. */
export function sortLabels(entries: readonly (readonly [key: string, value: string])[]): Labels {
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Whether all of `wanted` are among `labels`. */
export function hasLabels(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function invalid(message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message);
}
