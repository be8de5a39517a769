/** In order; the database's `user_version` says how many have been run. Never change one that was released: add another. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE operations (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at TEXT NOT NULL,
    step TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_start_ticks INTEGER NOT NULL,
    owner_boot_id TEXT NOT NULL,
    is_cancel_requested INTEGER NOT NULL DEFAULT 0,
    progress TEXT,
    plan TEXT,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX operations_by_start ON operations (started_at, sequence);
  CREATE INDEX operations_by_status ON operations (status, started_at, sequence);
  CREATE INDEX operations_unsettled ON operations (id) WHERE plan IS NOT NULL;

  CREATE TABLE locks (
    key TEXT PRIMARY KEY,
    operation_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner_pid INTEGER NOT NULL,
    owner_start_ticks INTEGER NOT NULL,
    owner_boot_id TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE operations ADD COLUMN requested_by TEXT;
  ALTER TABLE operations ADD COLUMN idempotency_key TEXT;
  ALTER TABLE operations ADD COLUMN request_digest TEXT;
  CREATE UNIQUE INDEX operations_by_key ON operations (requested_by, idempotency_key) WHERE idempotency_key IS NOT NULL;

  ALTER TABLE operations ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX operations_by_revision ON operations (revision);
  CREATE TABLE revision (value INTEGER NOT NULL) STRICT;
  INSERT INTO revision VALUES (0);
  CREATE TRIGGER operations_begun AFTER INSERT ON operations BEGIN
    UPDATE revision SET value = value + 1;
    UPDATE operations SET revision = (SELECT value FROM revision) WHERE sequence = NEW.sequence;
  END;
  CREATE TRIGGER operations_changed AFTER UPDATE OF status, step, document, progress ON operations BEGIN
    UPDATE revision SET value = value + 1;
    UPDATE operations SET revision = (SELECT value FROM revision) WHERE sequence = NEW.sequence;
  END;

  CREATE TABLE principals (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    created_at TEXT NOT NULL,
    token_hash TEXT UNIQUE
  ) STRICT;

  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    principal TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    http_status INTEGER NOT NULL,
    error_code TEXT,
    operation_id TEXT
  ) STRICT;
  `,
  `
  CREATE TABLE schedules (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    is_paused INTEGER NOT NULL,
    handled_until TEXT NOT NULL,
    document TEXT NOT NULL
  ) STRICT;

  CREATE TABLE schedule_runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    schedule_id TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    instance_id TEXT NOT NULL,
    due_at TEXT NOT NULL,
    status TEXT NOT NULL,
    ended_at TEXT,
    document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX schedule_runs_by_schedule ON schedule_runs (schedule_id, instance_id, due_at, sequence);
  CREATE INDEX schedule_runs_by_instance ON schedule_runs (instance_id, due_at, sequence);
  CREATE INDEX schedule_runs_by_status ON schedule_runs (status);
  `,
];
