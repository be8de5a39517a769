/** A stretch of the keys that begin with `prefix`, all with the prefix of the store. */
export interface KeyRange {
  readonly prefix: string;
  /** Exclusive. */
  readonly after?: string;
  /** What the listing stops at, exclusive. */
  readonly before?: string;
  /** Probably nothing is there: ask for one first. */
  readonly isUnlikely?: boolean;
}

const DIGITS = [...'0123456789abcdef'];
/** The end of all keys that begin with something: no character is higher. */
const HIGHEST = '\u{10ffff}';

/**
 * What is left of the keys below a prefix after the first page ended with `last`: one range for each hexadecimal digit that may
 * follow, and what lies between and behind those, where hardly anything will be. One range when the keys look otherwise.
 */
export function planRanges(prefix: string, last: string): readonly KeyRange[] {
  const next = last.slice(prefix.length, prefix.length + 1);
  if (!DIGITS.includes(next)) return [{ prefix, after: last }];
  const digits = DIGITS.filter((digit) => digit >= next).map((digit) =>
    digit === next ? { prefix: prefix + digit, after: last } : { prefix: prefix + digit },
  );
  const between = { prefix, after: `${prefix}9${HIGHEST}`, before: `${prefix}a`, isUnlikely: true };
  const behind = { prefix, after: `${prefix}f${HIGHEST}`, isUnlikely: true };
  return next <= '9' ? [...digits, between, behind] : [...digits, behind];
}
