import { DarkroomError, type ErrorCode } from '../../model/errors.ts';
import type { DiskFileInfo } from '../../model/ports/disk-tool.ts';

/** Throws `code` when a disk file needs another file to be whole, or is encrypted where it should not be, or the other way round. */
export function requireStandalone(
  info: DiskFileInfo,
  subject: { readonly path: string; readonly code: ErrorCode; readonly isEncrypted?: boolean },
): void {
  const complaint = findDependency(info, subject.isEncrypted ?? false);
  if (complaint === null) return;
  throw new DarkroomError(subject.code, `${subject.path} does not stand alone: ${complaint}.`, {
    fields: { path: subject.path, reason: complaint },
  });
}

function findDependency(info: DiskFileInfo, isEncrypted: boolean): string | null {
  if (info.backing !== null) return `it names a backing file, ${JSON.stringify(info.backing.name)}`;
  if (info.dataFile !== null) return `it names an external data file, ${JSON.stringify(info.dataFile)}`;
  if (info.isEncrypted && !isEncrypted) return 'it is encrypted';
  if (isEncrypted && !info.isEncrypted) return 'it is not encrypted, and should be';
  return null;
}
