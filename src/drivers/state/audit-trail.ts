import { z } from 'zod';
import type { AuditEvent, AuditTrail } from '../../model/ports/audit.ts';
import type { Database } from './database.ts';
import { withStateErrors } from './state-errors.ts';

const KEPT_EVENTS = 10_000;

const row = z.object({
  at: z.string(),
  principal: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  http_status: z.number(),
  error_code: z.string().nullable(),
  operation_id: z.string().nullable(),
});

export function createAuditTrail(database: Database): AuditTrail {
  const run = <Result>(work: () => Result): Result => withStateErrors(database.file, work);
  return {
    append: async (event) => run(() => database.transact('durable', () => append(database, event))),
    list: async ({ limit, principal }) =>
      run(() =>
        database
          .prepare('SELECT * FROM audit WHERE (?1 IS NULL OR principal = ?1) ORDER BY sequence DESC LIMIT ?2')
          .all(principal ?? null, limit)
          .map(parseEvent),
      ),
  };
}

function append(database: Database, event: AuditEvent): void {
  const { lastInsertRowid } = database
    .prepare(
      `INSERT INTO audit (at, principal, action, target, http_status, error_code, operation_id)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(event.at, event.principal, event.action, event.target, event.httpStatus, event.errorCode, event.operationId);
  database.prepare('DELETE FROM audit WHERE sequence <= ?').run(Number(lastInsertRowid) - KEPT_EVENTS);
}

function parseEvent(value: unknown): AuditEvent {
  const data = row.parse(value);
  const { at, principal, action, target } = data;
  return {
    at,
    principal,
    action,
    target,
    httpStatus: data.http_status,
    errorCode: data.error_code,
    operationId: data.operation_id,
  };
}
