import type { Dirent } from 'node:fs';
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, withStoreErrors } from '../../files/store-errors.ts';
import { describes, inspectFile, notePath, parseNoteName, readNote } from './copy-note.ts';
import { PINS_FOLDER } from './pins.ts';

/** What died while it wrote under a temporary name has not touched it for so long. */
const FORGOTTEN_MS = 60 * 60 * 1000;
const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const TEMPORARY = new RegExp(`^\\..*(\\.${UUID}\\.fetch|\\.copy\\.${UUID}\\.partial)$`);
const ASIDE = new RegExp(`^(\\..*\\.copy)\\.${UUID}\\.evict$`);

/** A file with a note that says what it is a copy of. */
export interface Copy {
  readonly key: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly usedAtMs: number;
  /** False: what lies there is not what the note says. */
  readonly isValid: boolean;
}

/** The name that a file has until it has arrived. */
export function arrivingPath(file: string, uuid: string): string {
  return path.join(path.dirname(file), `.${path.basename(file)}.${uuid}.fetch`);
}

/** The name of a note while its copy is being removed. */
export function asidePath(file: string, uuid: string): string {
  return `${notePath(file)}.${uuid}.evict`;
}

/** All copies; drafts are none. Removes what somebody died over. STORE_UNUSABLE. */
export async function listCopies(rootPath: string): Promise<readonly Copy[]> {
  const copies: Copy[] = [];
  await withStoreErrors({ code: 'STORE_UNUSABLE', action: 'read', path: rootPath }, async () => {
    await walk(rootPath, async (folder, name) => {
      const file = parseNoteName(name);
      if (file !== null) await addCopy(copies, { rootPath, file: path.join(folder, file) });
      else if (TEMPORARY.test(name)) await removeForgotten(path.join(folder, name));
      else await putBackForgotten(folder, name);
    });
  });
  return copies;
}

async function walk(folder: string, visit: (folder: string, name: string) => Promise<void>): Promise<void> {
  for (const entry of await readFolder(folder)) {
    if (entry.isFile()) await visit(folder, entry.name);
    else if (entry.isDirectory() && entry.name !== PINS_FOLDER) await walk(path.join(folder, entry.name), visit);
  }
}

async function readFolder(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function addCopy(
  copies: Copy[],
  { rootPath, file }: { readonly rootPath: string; readonly file: string },
): Promise<void> {
  const noted = await lstat(notePath(file)).catch(() => null);
  if (noted === null) return;
  const [note, seen] = [await readNote(file), await inspectFile(file)];
  copies.push({
    key: path.relative(rootPath, file),
    file,
    sizeBytes: seen?.sizeBytes ?? 0,
    usedAtMs: noted.mtimeMs,
    isValid: note !== null && seen !== null && describes(note, seen),
  });
}

async function removeForgotten(file: string): Promise<void> {
  const seen = await lstat(file).catch(() => null);
  if (seen !== null && Date.now() - seen.mtimeMs > FORGOTTEN_MS) await rm(file, { force: true });
}

/** Somebody died over the removal of a copy: without its note it would be taken for a draft. */
async function putBackForgotten(folder: string, name: string): Promise<void> {
  const note = ASIDE.exec(name)?.[1];
  if (note === undefined) return;
  const seen = await lstat(path.join(folder, name)).catch(() => null);
  if (seen === null || Date.now() - seen.ctimeMs <= FORGOTTEN_MS) return;
  await rename(path.join(folder, name), path.join(folder, note)).catch(() => undefined);
}
