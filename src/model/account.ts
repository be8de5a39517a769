import type { Caller, Owned } from './access.ts';

/** Whose use of the store a quota limits. */
export interface Account {
  /** null: nobody's but the host's. */
  readonly name: string | null;
  /** What belongs to nobody, or cannot be told whose it is, counts here too. */
  readonly isHost: boolean;
}

/** What a caller makes is its own; an admin stands for the host. */
export function accountOf({ name, role }: Caller): Account {
  return { name, isHost: role === 'admin' };
}

/** The one that a thing counts for, whoever works on it. */
export function accountOfOwner({ owner }: Owned, caller: Caller): Account {
  if (owner === caller.name) return accountOf(caller);
  return { name: owner, isHost: owner === null };
}

export function countsFor({ name, isHost }: Account, { owner }: Owned): boolean {
  return owner === null ? isHost : owner === name;
}
