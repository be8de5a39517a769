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
];
