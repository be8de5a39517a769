import { parseShelfRecord, serialiseShelfRecord } from '../../src/drivers/stores/documents/shelf-record.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { BrokenShelfRecord, Shelf } from '../../src/model/ports/shelf.ts';
import type { ShelfClaim, ShelvedInstance } from '../../src/model/shelved-instance.ts';

export interface FakeShelf extends Shelf {
  /** Puts any text where a record should be. */
  putRecord(instanceId: string, content: string): void;
  /** Every claim that is held. */
  readonly claims: ReadonlyMap<string, ShelfClaim>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Documents in memory, read and written by the rules of the real ones. */
export function createFakeShelf(): FakeShelf {
  const records = new Map<string, string>();
  const claims = new Map<string, ShelfClaim>();
  const read = (id: string): ShelvedInstance | null => {
    const content = records.get(assertUuid(id));
    return content === undefined ? null : parseShelfRecord(content, id);
  };
  return {
    claims,
    assertWritable: async () => undefined,
    putRecord: (id, content) => void records.set(id, content),
    list: async () => listRecords([...records.keys()].sort(), read),
    read: async (id) => read(id),
    write: async (record) => void records.set(assertUuid(record.id), serialiseShelfRecord(record)),
    remove: async (id) => void records.delete(assertUuid(id)),
    claim: async (claim) => {
      const holder = claims.get(assertUuid(claim.instanceId));
      if (holder !== undefined) return isSameHolder(holder, claim) ? null : { ...holder };
      claims.set(claim.instanceId, { ...claim });
      return null;
    },
    readClaim: async (id) => claims.get(assertUuid(id)) ?? null,
    releaseClaim: async (id, operationId) => {
      if (claims.get(assertUuid(id))?.operationId === operationId) claims.delete(id);
    },
    stealClaim: async (claim, from) => {
      const holder = claims.get(assertUuid(claim.instanceId));
      if (holder === undefined) return false;
      if (isSameHolder(holder, claim)) return true;
      if (!isSameHolder(holder, from)) return false;
      claims.set(claim.instanceId, { ...claim });
      return true;
    },
  };
}

function listRecords(ids: readonly string[], read: (id: string) => ShelvedInstance | null) {
  const instances: ShelvedInstance[] = [];
  const broken: BrokenShelfRecord[] = [];
  for (const id of ids) {
    try {
      const instance = read(id);
      if (instance !== null) instances.push(instance);
    } catch (error) {
      broken.push({ id, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { instances: instances.sort((left, right) => (left.name < right.name ? -1 : 1)), broken };
}

function isSameHolder(left: ShelfClaim, right: ShelfClaim): boolean {
  return left.host === right.host && left.operationId === right.operationId;
}

function assertUuid(id: string): string {
  if (!UUID.test(id)) throw new DarkroomError('INVALID_REQUEST', `"${id}" is not an instance id`);
  return id;
}
