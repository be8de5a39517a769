/** Draws that a seed repeats. */
export interface Random {
  /** At least 0, less than 1. */
  next(): number;
  between(bounds: readonly [number, number]): number;
  /** One of them; at least one must be there. */
  pick<T>(items: readonly T[]): T;
  /** One of the keys, each as often as its weight says. */
  weigh<Key extends string>(weights: Readonly<Record<Key, number>>): Key;
  /** A stream of its own, so that who draws when does not matter to the others. */
  fork(): Random;
}

/** Mulberry32, in the public domain: good enough to choose by, and the same everywhere. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pick = <T>(items: readonly T[]): T => {
    const [first] = items;
    if (first === undefined) throw new Error('nothing to pick from');
    return items[Math.floor(next() * items.length)] ?? first;
  };
  return {
    next,
    between: ([least, most]) => least + next() * (most - least),
    pick,
    weigh: (weights) => pick(keysOf(weights).flatMap((key) => Array.from({ length: weights[key] }, () => key))),
    fork: () => createRandom(Math.floor(next() * 2 ** 32)),
  };
}

function keysOf<Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] {
  const isKey = (text: string): text is Key => Object.hasOwn(record, text);
  return Object.keys(record).filter(isKey);
}
