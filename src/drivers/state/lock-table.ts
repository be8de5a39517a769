import { z } from 'zod';
import type { ProcessIdentity } from '../../model/operation.ts';
import type { LockHolder, LockTable } from '../../model/ports/journal.ts';
import type { Database } from './database.ts';
import { withStateErrors } from './state-errors.ts';

export type IsAlive = (identity: ProcessIdentity) => boolean;

const row = z.object({
  key: z.string(),
  operation_id: z.string(),
  kind: z.string(),
  owner_pid: z.number(),
  owner_start_ticks: z.number(),
  owner_boot_id: z.string(),
});

/** Rows need not survive a power cut, since their processes do not: no write here waits for the disk. */
export function createLockTable(database: Database, isAlive: IsAlive): LockTable {
  const write = <Result>(work: () => Result): Result =>
    withStateErrors(database.file, () => database.transact('cheap', work));
  return {
    tryAcquire: async (keys, claim) => write(() => tryAcquire(database, isAlive, { keys, claim })),
    release: async (operationId) => write(() => release(database, operationId)),
    list: async () =>
      withStateErrors(database.file, () => readHolders(database).filter((holder) => isAlive(holder.owner))),
  };
}

type Claim = Parameters<LockTable['tryAcquire']>[1];

function tryAcquire(
  database: Database,
  isAlive: IsAlive,
  request: { readonly keys: readonly string[]; readonly claim: Claim },
): LockHolder | null {
  const rivals = new Map<string, LockHolder>();
  for (const holder of readHolders(database)) {
    if (!isAlive(holder.owner)) remove(database, holder.key);
    else if (holder.operationId !== request.claim.operationId) rivals.set(holder.key, holder);
  }
  for (const key of request.keys) {
    const rival = rivals.get(key);
    if (rival !== undefined) return rival;
  }
  for (const key of request.keys) insert(database, key, request.claim);
  return null;
}

function readHolders(database: Database): readonly LockHolder[] {
  const rows: readonly unknown[] = database.prepare('SELECT * FROM locks ORDER BY key').all();
  return rows.map((value) => {
    const data = row.parse(value);
    const owner = { pid: data.owner_pid, startTicks: data.owner_start_ticks, bootId: data.owner_boot_id };
    return { key: data.key, operationId: data.operation_id, kind: data.kind, owner };
  });
}

function insert(database: Database, key: string, claim: Claim): void {
  database
    .prepare('INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?, ?, ?)')
    .run(key, claim.operationId, claim.kind, claim.owner.pid, claim.owner.startTicks, claim.owner.bootId);
}

function remove(database: Database, key: string): void {
  database.prepare('DELETE FROM locks WHERE key = ?').run(key);
}

function release(database: Database, operationId: string): void {
  database.prepare('DELETE FROM locks WHERE operation_id = ?').run(operationId);
}
