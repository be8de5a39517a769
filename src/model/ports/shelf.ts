import type { ShelfClaim, ShelvedInstance } from '../shelved-instance.ts';

export interface BrokenShelfRecord {
  readonly id: string;
  readonly reason: string;
}

/**
 * Shelved instances of one store, which may be shared by hosts: `instances/<uuid>.json` and `instances/<uuid>.claim`.
 * A store that cannot be read: STORE_UNUSABLE; a write that failed: STORE_WRITE_FAILED, NO_SPACE; a record that does not
 * hold what it must: SHELF_DAMAGED. Nothing in a record is trusted: names of files inside the image's folder must be
 * plain relative ones, paths of the host absolute without detours, ids UUIDs.
 */
export interface Shelf {
  /** Makes the layout where it is missing and does once, with a probe, all that records and claims need. STORE_UNUSABLE, NO_SPACE. */
  assertWritable(): Promise<void>;
  /** By name. */
  list(): Promise<{ readonly instances: readonly ShelvedInstance[]; readonly broken: readonly BrokenShelfRecord[] }>;
  /** null when there is no record of it. */
  read(instanceId: string): Promise<ShelvedInstance | null>;
  /** Written durably: temporary name, fsync, rename, fsync of the folder. Replaces what there is. */
  write(record: ShelvedInstance): Promise<void>;
  /** Durably; no error when it is gone. */
  remove(instanceId: string): Promise<void>;

  /** An exclusive, durable creation: null when the claim is ours now, else who holds it. */
  claim(claim: ShelfClaim): Promise<ShelfClaim | null>;
  /** null when nobody holds it. A claim that cannot be read is held by `unknown`. */
  readClaim(instanceId: string): Promise<ShelfClaim | null>;
  /** Gives up the claim of that operation; somebody else's stays. */
  releaseClaim(instanceId: string, operationId: string): Promise<void>;
  /** Takes over the claim of `from`, and of nobody else. Explicit only: whoever held it must be dead. False when it is another's by now. */
  stealClaim(claim: ShelfClaim, from: ShelfClaim): Promise<boolean>;
}
