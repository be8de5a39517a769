import { Turns } from '../../lib/turns.ts';
import { DarkroomError } from '../../model/errors.ts';
import { type JournalledOperation, type Operation, operationNotFound } from '../../model/operation.ts';
import type { Idempotency, Journal, OperationFilter } from '../../model/ports/journal.ts';
import type { Database } from './database.ts';
import { addFacts, type OperationDocument, parseDocument, parseRow } from './operation-row.ts';
import { ProgressWriter } from './progress-writer.ts';
import { withStateErrors } from './state-errors.ts';

/** Finished operations beyond the newest so many are forgotten. */
const KEPT_OPERATIONS = 1000;

export interface SqliteJournal extends Journal {
  /** Writes what progress is still pending. */
  flush(): void;
}

export function createJournal(database: Database): SqliteJournal {
  const progress = new ProgressWriter(database);
  const run = <Result>(work: () => Result): Result => withStateErrors(database.file, work);
  // each waits for the disk, and twenty operations that go in step would do so one after the other
  const turns = new Turns();
  const write = async <Result>(work: () => Result): Promise<Result> => {
    await turns.take();
    return run(() => database.transact('durable', work));
  };
  return {
    begin: async (operation, details) => write(() => begin(database, { operation, ...details })),
    findByKey: async (requestedBy, key) => run(() => findByKey(database, requestedBy, key)),
    enterStep: async (operationId, step, plan) => write(() => enterStep(database, operationId, { step, plan })),
    saveProgress: async (operationId, value) => progress.save(operationId, value),
    saveFacts: async (operationId, facts) =>
      write(() => rewrite(database, operationId, { change: (known) => addFacts(known, facts) })),
    finish: async (operationId, outcome) => {
      const { status, endedAt, error } = outcome;
      await write(() => {
        progress.writePending(operationId);
        rewrite(database, operationId, {
          status,
          change: (known) => ({ ...addFacts(known, outcome), endedAt, error }),
        });
      });
      progress.forget(operationId);
    },
    adopt: async (operationId, owners) => write(() => adopt(database, operationId, owners)),
    requestCancel: async (operationId) => write(() => requestCancel(database, operationId)),
    read: async (operationId) => run(() => withPending(progress, readRow(database, operationId))),
    list: async (filter = {}) => run(() => list(database, filter).map((entry) => withPending(progress, entry))),
    listChanged: async (afterRevision, limit) =>
      run(() => listChanged(database, afterRevision, limit).map((entry) => withPending(progress, entry))),
    lastRevision: async () => run(() => lastRevision(database)),
    flush: () => progress.flush(),
  };
}

interface NewEntry extends Pick<JournalledOperation, 'operation' | 'owner' | 'plan'> {
  readonly idempotency?: Idempotency;
}

function begin(database: Database, entry: NewEntry): void {
  const { id, kind, status, startedAt, requestedBy, step, progress, ...document } = entry.operation;
  database
    .prepare(
      `INSERT INTO operations (id, kind, status, started_at, step, owner_pid, owner_start_ticks, owner_boot_id,
         progress, plan, document, requested_by, idempotency_key, request_digest)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      kind,
      status,
      startedAt,
      step,
      entry.owner.pid,
      entry.owner.startTicks,
      entry.owner.bootId,
      toJson(progress),
      toJson(entry.plan),
      JSON.stringify(document),
      requestedBy,
      entry.idempotency?.key ?? null,
      entry.idempotency?.digest ?? null,
    );
  prune(database);
}

/** Never one that runs, or that still has something to put right. */
function prune(database: Database): void {
  database
    .prepare(
      `DELETE FROM operations WHERE sequence IN (
         SELECT sequence FROM operations WHERE status <> 'running' AND plan IS NULL
         ORDER BY started_at DESC, sequence DESC LIMIT -1 OFFSET ?)`,
    )
    .run(KEPT_OPERATIONS);
}

function enterStep(
  database: Database,
  operationId: string,
  entered: { readonly step: string; readonly plan: unknown },
): void {
  const { changes } = database
    .prepare('UPDATE operations SET step = ?, plan = ? WHERE id = ?')
    .run(entered.step, toJson(entered.plan), operationId);
  if (changes === 0) throw operationNotFound(operationId);
}

function rewrite(
  database: Database,
  operationId: string,
  options: { readonly status?: string; readonly change: (known: OperationDocument) => OperationDocument },
): void {
  const row: unknown = database.prepare('SELECT document FROM operations WHERE id = ?').get(operationId);
  if (typeof row !== 'object' || row === null || !('document' in row)) throw operationNotFound(operationId);
  const changed = options.change(parseDocument(String(row.document)));
  database
    .prepare('UPDATE operations SET document = ?, status = coalesce(?, status) WHERE id = ?')
    .run(JSON.stringify(changed), options.status ?? null, operationId);
}

function adopt(database: Database, operationId: string, owners: Parameters<Journal['adopt']>[1]): boolean {
  const { from, to } = owners;
  const { changes } = database
    .prepare(
      `UPDATE operations SET owner_pid = ?, owner_start_ticks = ?, owner_boot_id = ?
       WHERE id = ? AND owner_pid = ? AND owner_start_ticks = ? AND owner_boot_id = ?`,
    )
    .run(to.pid, to.startTicks, to.bootId, operationId, from.pid, from.startTicks, from.bootId);
  return changes === 1;
}

function requestCancel(database: Database, operationId: string): void {
  const { operation } = readRow(database, operationId);
  if (operation.status !== 'running') {
    const message = `Operation ${operationId} is over (${operation.status}): there is nothing to cancel`;
    throw new DarkroomError('OPERATION_FINISHED', message, { fields: { operationId, status: operation.status } });
  }
  database.prepare('UPDATE operations SET is_cancel_requested = 1 WHERE id = ?').run(operationId);
}

function readRow(database: Database, operationId: string): JournalledOperation {
  const row: unknown = database.prepare('SELECT * FROM operations WHERE id = ?').get(operationId);
  if (row === undefined) throw operationNotFound(operationId);
  return parseRow(row);
}

function list(database: Database, filter: OperationFilter): readonly JournalledOperation[] {
  const after = filter.marker === undefined ? null : readRow(database, filter.marker).operation;
  const rows: readonly unknown[] = database
    .prepare(
      `SELECT * FROM operations WHERE (?1 IS NULL OR status = ?1) AND (?2 = 0 OR plan IS NOT NULL)
         AND (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR document ->> 'target' = ?5)
         AND (?6 IS NULL OR requested_by = ?6)
         AND (?7 IS NULL OR (started_at, sequence) < (?7, (SELECT sequence FROM operations WHERE id = ?8)))
       ORDER BY started_at DESC, sequence DESC LIMIT ?3`,
    )
    .all(
      filter.status ?? null,
      filter.isUnsettled === true ? 1 : 0,
      filter.limit ?? -1,
      filter.kind ?? null,
      filter.target ?? null,
      filter.requestedBy ?? null,
      after?.startedAt ?? null,
      after?.id ?? null,
    );
  return rows.flatMap(parseKnownRow);
}

function listChanged(database: Database, afterRevision: number, limit: number): readonly JournalledOperation[] {
  const rows: readonly unknown[] = database
    .prepare('SELECT * FROM operations WHERE revision > ? ORDER BY revision LIMIT ?')
    .all(afterRevision, limit);
  return rows.flatMap(parseKnownRow);
}

function lastRevision(database: Database): number {
  const row: unknown = database.prepare('SELECT value FROM revision').get();
  const value = typeof row === 'object' && row !== null && 'value' in row ? row.value : 0;
  return typeof value === 'number' ? value : 0;
}

function findByKey(
  database: Database,
  requestedBy: string,
  key: string,
): { readonly operation: Operation; readonly digest: string } | null {
  const row: unknown = database
    .prepare('SELECT * FROM operations WHERE requested_by = ? AND idempotency_key = ?')
    .get(requestedBy, key);
  if (typeof row !== 'object' || row === null || !('request_digest' in row)) return null;
  return { operation: parseRow(row).operation, digest: String(row.request_digest) };
}

/** One that a newer Darkroom wrote must not hide the others. */
function parseKnownRow(row: unknown): readonly JournalledOperation[] {
  try {
    return [parseRow(row)];
  } catch {
    return [];
  }
}

function withPending(progress: ProgressWriter, entry: JournalledOperation): JournalledOperation {
  const pending = progress.peek(entry.operation.id);
  return pending === undefined ? entry : { ...entry, operation: { ...entry.operation, progress: pending } };
}

function toJson(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}
