import { z } from 'zod';
import { ROLES } from '../../model/access.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { Principal, Principals } from '../../model/ports/principals.ts';
import type { Database } from './database.ts';
import { withStateErrors } from './state-errors.ts';

const row = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  created_at: z.string(),
  token_hash: z.string().nullable(),
});

export function createPrincipals(database: Database): Principals {
  const run = <Result>(work: () => Result): Result => withStateErrors(database.file, work);
  const write = <Result>(work: () => Result): Result => run(() => database.transact('durable', work));
  return {
    list: async () => run(() => database.prepare('SELECT * FROM principals ORDER BY name').all().map(parsePrincipal)),
    find: async (name) => run(() => toPrincipal(database.prepare('SELECT * FROM principals WHERE name = ?').get(name))),
    findByTokenHash: async (hash) =>
      run(() => toPrincipal(database.prepare('SELECT * FROM principals WHERE token_hash = ?').get(hash))),
    add: async (principal, tokenHash) => write(() => add(database, principal, tokenHash)),
    setTokenHash: async (name, tokenHash) =>
      write(() => {
        const { changes } = database
          .prepare('UPDATE principals SET token_hash = ? WHERE name = ?')
          .run(tokenHash, name);
        if (changes === 0) throw notFound(name);
      }),
    remove: async (name) =>
      write(() => {
        const { changes } = database.prepare('DELETE FROM principals WHERE name = ?').run(name);
        if (changes === 0) throw notFound(name);
      }),
  };
}

function add(database: Database, principal: Principal, tokenHash: string | null): void {
  const { name, role, createdAt } = principal;
  if (database.prepare('SELECT name FROM principals WHERE name = ?').get(name) !== undefined) {
    throw new DarkroomError(
      'NAME_TAKEN',
      `There is a principal ${name} already: delete it first, or give it a new token.`,
      {
        fields: { principal: name },
      },
    );
  }
  database.prepare('INSERT INTO principals VALUES (?, ?, ?, ?)').run(name, role, createdAt, tokenHash);
}

function toPrincipal(value: unknown): Principal | null {
  return value === undefined ? null : parsePrincipal(value);
}

/** Fails for a role that we do not know: nobody is let in by a guess. */
function parsePrincipal(value: unknown): Principal {
  const data = row.parse(value);
  return { name: data.name, role: data.role, createdAt: data.created_at, hasToken: data.token_hash !== null };
}

function notFound(name: string): DarkroomError {
  return new DarkroomError(
    'PRINCIPAL_NOT_FOUND',
    `There is no principal ${name}. darkroom principal list shows them.`,
    {
      fields: { principal: name },
    },
  );
}
