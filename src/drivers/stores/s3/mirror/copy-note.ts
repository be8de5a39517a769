import { lstat, rename, rm, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { newUuid } from '../../../../lib/uuid.ts';
import { readSmallFile } from '../../files/durable-files.ts';
import { SECRET_FILE_MODE } from '../../files/file-modes.ts';

const MAX_NOTE_BYTES = 4 * 1024;
const NOTE = /^\.(.+)\.copy$/;

const noteDocument = z.object({
  version: z.literal(1),
  etag: z.string(),
  sizeBytes: z.int().min(0),
  /** As text: some file systems number beyond what a number holds. */
  inode: z.string(),
});

/** Which object a file is a copy of. The inode ties it to that one file: another one in its place is no copy. */
export type CopyNote = Omit<z.infer<typeof noteDocument>, 'version'>;

export interface NotedFile {
  readonly sizeBytes: number;
  readonly inode: string;
}

export function notePath(file: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.copy`);
}

/** The name of the file that a note of that name is about; null for any other name. */
export function parseNoteName(name: string): string | null {
  return NOTE.exec(name)?.[1] ?? null;
}

/** The note of a file that is what its note says; null where there is none, or it is about another. */
export async function readValidNote(file: string): Promise<CopyNote | null> {
  const [note, seen] = [await readNote(file), await inspectFile(file)];
  return note !== null && seen !== null && describes(note, seen) ? note : null;
}

export async function readNote(file: string): Promise<CopyNote | null> {
  try {
    const { version: _, ...note } = noteDocument.parse(JSON.parse(await readSmallFile(notePath(file), MAX_NOTE_BYTES)));
    return note;
  } catch {
    return null;
  }
}

/** null where there is no regular file. */
export async function inspectFile(file: string): Promise<NotedFile | null> {
  const seen = await lstat(file, { bigint: true }).catch(() => null);
  if (seen === null || !seen.isFile()) return null;
  return { sizeBytes: Number(seen.size), inode: String(seen.ino) };
}

export function describes(note: CopyNote, { sizeBytes, inode }: NotedFile): boolean {
  return note.sizeBytes === sizeBytes && note.inode === inode;
}

/**
 * May be written before the file has its name. Not forced to disk: what a power cut takes away, or leaves without content, is fetched
 * again. Node's errors.
 */
export async function writeNote(file: string, note: CopyNote): Promise<void> {
  const target = notePath(file);
  const temporary = `${target}.${newUuid()}.partial`;
  try {
    await writeFile(temporary, JSON.stringify({ version: 1, ...note }), { mode: SECRET_FILE_MODE, flag: 'wx' });
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

export async function removeNote(file: string): Promise<void> {
  await rm(notePath(file), { force: true });
}

/** A copy was last used when its note was last touched. */
export async function touchNote(file: string): Promise<void> {
  const now = new Date();
  // gone in this moment: whoever asks next fetches it
  await utimes(notePath(file), now, now).catch(() => undefined);
}
