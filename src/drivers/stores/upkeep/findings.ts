import type { StoreFinding } from '../../../model/store.ts';
import { newestOf, type StoreEntry, sumBytes } from './entries.ts';

/** Nobody knows what it is for, so that nobody removes it but a person. */
export function unknownFile(subject: string, entries: readonly StoreEntry[]): StoreFinding {
  return {
    kind: 'unknown-file',
    subject,
    message: `${subject} is nothing that Darkroom keeps in a store`,
    bytes: sumBytes(entries),
    since: newestOf(entries),
    isRemovable: false,
  };
}

export function unfinishedFile(entry: StoreEntry): StoreFinding {
  return {
    kind: 'unfinished-upload',
    subject: entry.key,
    message: `${entry.key} was begun to be written and never finished`,
    bytes: entry.sizeBytes,
    since: entry.since,
    isRemovable: true,
  };
}

/** What a manifest or record names, against what there is; null where that is as it should be. */
export function judgeFile(
  owner: { readonly id: string; readonly key: string; readonly sizes: readonly number[] },
  entry: StoreEntry | undefined,
): StoreFinding | null {
  const { id, key, sizes } = owner;
  const base = { subject: id, bytes: null, since: entry?.since ?? null, isRemovable: false } as const;
  if (entry === undefined) return { ...base, kind: 'missing-file', message: `${key} is missing` };
  const { sizeBytes } = entry;
  if (sizeBytes === null) return { ...base, kind: 'missing-file', message: `${key} is not a regular file` };
  if (sizes.includes(sizeBytes)) return null;
  return { ...base, kind: 'wrong-size', message: `${key} has ${sizeBytes} bytes, and should have ${sizes[0]}` };
}
