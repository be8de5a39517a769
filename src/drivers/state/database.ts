import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';
import { DarkroomError } from '../../model/errors.ts';
import { MIGRATIONS } from './migrations.ts';
import { isBusy, moveAway, withStateErrors } from './state-errors.ts';

const BUSY_TIMEOUT_MS = 5000;

/** durable: on the disk when it returns; cheap: may be lost in a power cut, never in part. */
export type Durability = 'durable' | 'cheap';

export interface Database {
  readonly file: string;
  prepare(sql: string): StatementSyncInstance;
  /** One transaction, all or nothing. Other processes wait for it. */
  transact<Result>(durability: Durability, work: () => Result): Result;
  close(): void;
}

/**
 * Opens `state.db`, shared by all processes of this host: write-ahead log, so that readers never wait
 * (https://www.sqlite.org/wal.html); a local file system is needed. A folder that is made here may be passed through but
 * not listed, since a store and disks of guests may lie below it; the file is ours alone.
 */
export function openDatabase(stateDir: string): Database {
  const file = path.join(stateDir, 'state.db');
  makePrivateFile(stateDir, file);
  return withStateErrors(file, () => {
    const connection = connect(file);
    try {
      useWriteAheadLog(connection);
      migrate(connection, file);
      return wrap(connection, file);
    } catch (error) {
      connection.close();
      throw error;
    }
  });
}

function makePrivateFile(stateDir: string, file: string): void {
  try {
    makeTraversableFolders(path.resolve(stateDir));
    closeSync(openSync(file, 'a', 0o600));
    // SQLite gives the mode of the database to the log files beside it.
    chmodSync(file, 0o600);
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    const message = `Cannot use the state folder ${stateDir}: ${seen}. Run as root, or choose another with --state-dir`;
    throw new DarkroomError('STORE_UNUSABLE', message, { fields: { path: stateDir }, cause: error });
  }
}

/** Folders that are made here get their mode whatever the umask; those that were there keep theirs. */
function makeTraversableFolders(folder: string): void {
  const topmost = mkdirSync(folder, { recursive: true });
  if (topmost === undefined) return;
  for (let made = folder; made.length >= topmost.length; made = path.dirname(made)) chmodSync(made, 0o711);
}

/** Loaded here and not at import: commands that need no state do not pay for it. */
function connect(file: string): DatabaseSyncInstance {
  const sqlite: typeof import('@photostructure/sqlite') = createRequire(import.meta.url)('@photostructure/sqlite');
  return new sqlite.DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
}

/** SQLite does not wait for its timeout when two processes make the same database at once. */
function useWriteAheadLog(connection: DatabaseSyncInstance): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function migrate(connection: DatabaseSyncInstance, file: string): void {
  if (readVersion(connection) === MIGRATIONS.length) return;
  runTransaction(connection, () => {
    const version = readVersion(connection);
    if (version > MIGRATIONS.length) throw newerDatabase(file, version);
    for (const migration of MIGRATIONS.slice(version)) connection.exec(migration);
    connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function readVersion(connection: DatabaseSyncInstance): number {
  const row: unknown = connection.prepare('PRAGMA user_version').get();
  const version = typeof row === 'object' && row !== null && 'user_version' in row ? row.user_version : null;
  return typeof version === 'number' ? version : 0;
}

function newerDatabase(file: string, version: number): DarkroomError {
  const message = `The journal ${file} was written by a newer Darkroom (version ${version}, known ${MIGRATIONS.length}): upgrade, or ${moveAway(file)}`;
  return new DarkroomError('STORE_UNUSABLE', message, { fields: { path: file, version } });
}

function wrap(connection: DatabaseSyncInstance, file: string): Database {
  const statements = new Map<string, StatementSyncInstance>();
  return {
    file,
    prepare: (sql) => {
      const statement = statements.get(sql) ?? connection.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    transact: (durability, work) => {
      if (durability === 'durable') return runTransaction(connection, work);
      connection.exec('PRAGMA synchronous = NORMAL');
      try {
        return runTransaction(connection, work);
      } finally {
        connection.exec('PRAGMA synchronous = FULL');
      }
    },
    // The library lets go of the file with its last statement, which is when that is collected or the process ends.
    close: () => {
      statements.clear();
      if (connection.isOpen) connection.close();
    },
  };
}

function runTransaction<Result>(connection: DatabaseSyncInstance, work: () => Result): Result {
  connection.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}
