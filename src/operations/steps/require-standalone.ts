import { DarkroomError, type ErrorCode } from '../../model/errors.ts';
import type { DiskFileInfo } from '../../model/ports/disk-tool.ts';

/** Throws `code` when a disk file needs another file to be whole, or a key to be read. */
export function requireStandalone(
  info: DiskFileInfo,
  subject: { readonly path: string; readonly code: ErrorCode },
): void {
  const complaint = findDependency(info);
  if (complaint === null) return;
  throw new DarkroomError(subject.code, `${subject.path} does not stand alone: ${complaint}.`, {
    fields: { path: subject.path, reason: complaint },
  });
}

function findDependency(info: DiskFileInfo): string | null {
  if (info.backing !== null) return `it names a backing file, ${JSON.stringify(info.backing.name)}`;
  if (info.dataFile !== null) return `it names an external data file, ${JSON.stringify(info.dataFile)}`;
  if (info.isEncrypted) return 'it is encrypted';
  return null;
}
