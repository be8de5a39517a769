/** What a run did, and what is wrong. */
export interface Ledger {
  readonly wrongs: readonly string[];
  /** How often each outcome was seen, such as `image.create succeeded`. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly operations: number;
  note(outcome: string): void;
  accuse(what: string): void;
}

export function createLedger(say: (line: string) => void): Ledger {
  const wrongs: string[] = [];
  const outcomes = new Map<string, number>();
  const startedMs = Date.now();
  let operations = 0;
  return {
    wrongs,
    outcomes,
    get operations() {
      return operations;
    },
    note: (outcome) => {
      operations += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    },
    accuse: (what) => {
      wrongs.push(what);
      say(`WRONG after ${Math.round((Date.now() - startedMs) / 1000)} s: ${what}`);
    },
  };
}
