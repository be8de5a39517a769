export const ROLES = ['reader', 'operator', 'admin'] as const;
/** reader: sees; operator: works on what is its own or the host's; admin: everything, whosever it is. */
export type Role = (typeof ROLES)[number];

/** On whose behalf something is done. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
  /** Acts with its own rights on paths of this host; a client of a daemon does not. */
  readonly isTrustedWithPaths: boolean;
}

/** What belongs to somebody; null: to the host. */
export interface Owned {
  readonly owner: string | null;
}

export interface SharedThing extends Owned {
  readonly visibility: 'private' | 'shared' | 'public';
  readonly members: readonly string[];
}

/** Whether `caller` sees an image and may read all of it. */
export function maySeeShared(caller: Caller, thing: SharedThing): boolean {
  if (isOwner(caller, thing) || thing.visibility === 'public') return true;
  return thing.visibility === 'shared' && thing.members.includes(caller.name);
}

/** Whether a thing is the caller's own, as everything is an admin's. */
export function isOwner(caller: Caller, thing: Owned): boolean {
  return caller.role === 'admin' || thing.owner === caller.name;
}

/** Whose what a caller makes on a host is: an admin acts for the host. */
export function ownerOf(caller: Caller): string | null {
  return caller.role === 'admin' ? null : caller.name;
}

/** An instance that no principal owns is the host's, and everybody's who may see or work on this host. */
export function maySeeInstance(caller: Caller, instance: Owned): boolean {
  return instance.owner === null || isOwner(caller, instance);
}

/** An operation is seen by whoever asked for it. */
export function maySeeOperation(caller: Caller, { requestedBy }: { readonly requestedBy: string | null }): boolean {
  return isOwner(caller, { owner: requestedBy });
}

export function hasRole(caller: Caller, needed: Role): boolean {
  return ROLES.indexOf(caller.role) >= ROLES.indexOf(needed);
}
