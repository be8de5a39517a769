import { DarkroomError, type ErrorCode } from '../../../model/errors.ts';

const REMEDIES: Readonly<Record<string, string>> = {
  EROFS: 'the file system is mounted read-only: mount it writable, or choose another store',
  EACCES: 'permission denied: run as root, or give this user the folder',
  EPERM: 'not permitted: on NFS, export the store with no_root_squash',
  EIO: 'the disk or the file server reported an input/output error: look at the kernel log',
  ESTALE: 'the file server no longer knows the file: mount it again',
  ENOTDIR: 'a part of the path is not a folder',
  ELOOP: 'a symbolic link stands where a folder or file of the store should be',
  ENOENT: 'a part of the path does not exist',
  EINVAL: 'the file system cannot do this: choose one that can fsync and rename',
  ENOTSUP: 'the file system cannot do this: choose one that can fsync and rename',
  ENOSYS: 'the file system cannot do this: choose one that can fsync and rename',
};

export interface StoreFailure {
  /** For errors that say nothing more precise. */
  readonly code: Extract<ErrorCode, 'STORE_UNUSABLE' | 'STORE_WRITE_FAILED'>;
  /** What was tried, as in "cannot write PATH". */
  readonly action: string;
  readonly path: string;
}

/** Runs file system work; its errors become STORE_UNUSABLE or STORE_WRITE_FAILED as asked, ENOSPC and EDQUOT NO_SPACE. */
export async function withStoreErrors<Result>(failure: StoreFailure, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error, failure);
  }
}

export function toStoreError(error: unknown, failure: StoreFailure): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const errno = errnoOf(error);
  const fields = { path: failure.path, errno };
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    const message = `Cannot ${failure.action} ${failure.path}: no space left (${errno}): free some, or delete images`;
    return new DarkroomError('NO_SPACE', message, { fields, cause: error });
  }
  const seen = error instanceof Error ? error.message : String(error);
  const remedy = errno === null ? undefined : REMEDIES[errno];
  const detail = remedy === undefined ? seen : `${remedy} (${errno})`;
  return new DarkroomError(failure.code, `Cannot ${failure.action} ${failure.path}: ${detail}`, {
    fields,
    cause: error,
  });
}

/** Why a document that is there cannot be read, as in "its record is a symbolic link". */
export function explainUnreadable(name: 'manifest' | 'record', error: unknown): string {
  if (errnoOf(error) === 'ELOOP') return `its ${name} is a symbolic link`;
  return `its ${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
