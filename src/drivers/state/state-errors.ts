import { DarkroomError } from '../../model/errors.ts';

/** Primary result codes of https://www.sqlite.org/rescode.html, with what they mean for us. */
const SQLITE_BUSY = 5;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

/** Runs work on the database; SQLite's errors become STORE_UNUSABLE, NO_SPACE, or INTERNAL where nothing is known. */
export function withStateErrors<Result>(file: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw toStateError(error, file);
  }
}

export function toStateError(error: unknown, file: string): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const seen = error instanceof Error ? error.message : String(error);
  const code = sqliteCodeOf(error);
  const fields = { path: file, sqliteCode: code };
  const fail = (kind: 'STORE_UNUSABLE' | 'NO_SPACE' | 'INTERNAL', text: string) =>
    new DarkroomError(kind, text, { fields, cause: error });
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail('STORE_UNUSABLE', `The journal ${file} is damaged (${seen}): ${moveAway(file)}`);
    case SQLITE_FULL:
      return fail('NO_SPACE', `No space left to write the journal ${file}: free some`);
    case SQLITE_BUSY:
      return fail(
        'STORE_UNUSABLE',
        `The journal ${file} is held by another process for too long: end it, or try again`,
      );
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      return fail(
        'STORE_UNUSABLE',
        `Cannot use the journal ${file} (${seen}): it must be writable and on a local disk`,
      );
    default:
      return fail('INTERNAL', `The journal ${file} failed: ${seen}`);
  }
}

/** The files beside it must go with it: a new database would take up what they hold of the old one. */
export function moveAway(file: string): string {
  return `end Darkroom, move ${file} and the files ${file}-wal and ${file}-shm away if they are there; losing them loses no image`;
}

export function isBusy(error: unknown): boolean {
  return sqliteCodeOf(error) === SQLITE_BUSY;
}

function sqliteCodeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null;
  // The upper bits of an extended code say more precisely what the lower eight say.
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null;
}
