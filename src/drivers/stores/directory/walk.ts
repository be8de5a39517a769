import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { mapConcurrently } from '../../../lib/async.ts';
import { DarkroomError } from '../../../model/errors.ts';
import { errnoOf } from '../files/store-errors.ts';
import type { StoreEntry } from '../upkeep/entries.ts';

const CONCURRENT_FOLDERS = 4;

/** A folder of the store, but for its top, and everything below; what vanishes meanwhile is left out. Links are not followed. Node's errors. */
export async function walk(root: string, prefix: string, signal?: AbortSignal): Promise<readonly StoreEntry[]> {
  const stat = prefix === '' ? null : await lookAt(path.join(root, prefix));
  return [...(stat === null ? [] : [describe(prefix, stat)]), ...(await walkBelow(root, prefix, signal))];
}

async function walkBelow(root: string, prefix: string, signal?: AbortSignal): Promise<readonly StoreEntry[]> {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'The store was not looked through to the end.');
  const names = await listNames(path.join(root, prefix));
  const found = await mapConcurrently(names, CONCURRENT_FOLDERS, async (name) => {
    const stat = await lookAt(path.join(root, prefix, name));
    if (stat === null) return [];
    const key = `${prefix}${name}`;
    if (!stat.isDirectory()) return [describe(key, stat)];
    // what stands beside our folders is not looked into
    const isOurs =
      prefix !== '' || name === 'images' || name === 'snapshots' || name === 'instances' || name === 'recycle';
    return [describe(`${key}/`, stat), ...(isOurs ? await walkBelow(root, `${key}/`, signal) : [])];
  });
  return found.flat();
}

function describe(key: string, stat: Stats): StoreEntry {
  // a rename changes the second alone
  const since = new Date(Math.max(stat.mtimeMs, stat.ctimeMs)).toISOString();
  const isOrdinary = stat.isFile() || stat.isDirectory();
  return { key, sizeBytes: isOrdinary ? (stat.isFile() ? stat.size : 0) : null, since };
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

async function lookAt(file: string): Promise<Stats | null> {
  try {
    return await lstat(file);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return null;
    throw error;
  }
}
