import { readdir } from 'node:fs/promises';
import { errnoOf } from './store-errors.ts';

/** What a folder holds; nothing where it is missing. Other failures are Node's errors. */
export async function listNames(folder: string): Promise<readonly string[]> {
  return await orNothing(readdir(folder));
}

/** The folders in a folder; none where it is missing. Other failures are Node's errors. */
export async function listFolderNames(folder: string): Promise<readonly string[]> {
  const entries = await orNothing(readdir(folder, { withFileTypes: true }));
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function orNothing<Entry>(reading: Promise<readonly Entry[]>): Promise<readonly Entry[]> {
  try {
    return await reading;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
