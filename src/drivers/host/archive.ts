import type { Archives } from '../../model/ports/archive.ts';
import { openArchive } from './archive-reader.ts';
import { writeArchive } from './archive-writer.ts';

/** tar, POSIX.1-2001 (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_06). */
export function createArchives(): Archives {
  return { write: writeArchive, open: openArchive };
}
