import type { AuditTrail } from '../../model/ports/audit.ts';
import type { Journal, LockTable } from '../../model/ports/journal.ts';
import type { Principals } from '../../model/ports/principals.ts';
import type { ScheduleBook } from '../../model/ports/schedules.ts';
import { createAuditTrail } from './audit-trail.ts';
import { openDatabase } from './database.ts';
import { createJournal } from './journal.ts';
import { createLockTable, type IsAlive } from './lock-table.ts';
import { createPrincipals } from './principals.ts';
import { createScheduleBook } from './schedules.ts';

export interface StateStoreOptions {
  /** Folder of `state.db`, on a local file system. Made where it is missing. */
  readonly stateDir: string;
  /** Tells whether the holder of a lock still runs. */
  readonly isAlive: IsAlive;
}

export interface StateStore {
  readonly journal: Journal;
  readonly locks: LockTable;
  readonly principals: Principals;
  readonly audit: AuditTrail;
  readonly schedules: ScheduleBook;
  /** Writes what is pending and lets go of the file. A second time does nothing. */
  close(): void;
}

/**
 * Opens the state of this host, which several processes share. Its methods and itself fail with STORE_UNUSABLE (damaged,
 * unwritable, held for over 5 s, written by a newer Darkroom) or NO_SPACE; the messages name the file and the remedy.
 */
export function openStateStore(options: StateStoreOptions): StateStore {
  const database = openDatabase(options.stateDir);
  const journal = createJournal(database);
  const close = () => {
    journal.flush();
    database.close();
  };
  const locks = createLockTable(database, options.isAlive);
  return {
    ...{ journal, locks, close },
    principals: createPrincipals(database),
    audit: createAuditTrail(database),
    schedules: createScheduleBook(database),
  };
}
