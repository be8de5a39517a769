import type { StoreFinding } from '../../../model/store.ts';
import { isUuid, parsePurgedName } from '../documents/layout.ts';
import {
  type EntryGroup,
  groupEntries,
  isPartialName,
  isProbeName,
  newestOf,
  type StoreEntry,
  sumBytes,
} from './entries.ts';
import { unfinishedFile, unknownFile } from './findings.ts';

const FOLDERS = new Set(['images', 'snapshots', 'instances', 'recycle']);
/** Of a file system or a file server, at its top. */
const FOREIGN = new Set(['lost+found', '.snapshot', '.snapshots', '.zfs']);
/** What was changed last, in a bucket. */
const CHANGES = '.changes';
const OF_INSTANCE = /^([0-9a-f-]{36})\.(json|claim)$/;
const OF_CLAIM = /^\.([0-9a-f-]{36})\.claim\.[^.]+\.end2?$/;

/** All of a store that is neither in the folder of an image nor in that of a volume. */
export function judgeRest(entries: readonly StoreEntry[]): readonly StoreFinding[] {
  return [
    ...groupEntries(entries, '').flatMap(judgeTop),
    ...groupEntries(entries, 'images/').flatMap((group) => judgeStranger(group, 'images/')),
    ...groupEntries(entries, 'snapshots/').flatMap((group) => judgeStranger(group, 'snapshots/')),
    ...groupEntries(entries, 'instances/').flatMap(judgeInstance),
    ...groupEntries(entries, 'recycle/').flatMap(judgeRecycled),
  ];
}

function judgeTop({ name, entries }: EntryGroup): readonly StoreFinding[] {
  if (FOLDERS.has(name) || FOREIGN.has(name) || isProbeName(name)) return [];
  return [unknownFile(name, entries)];
}

/** Beside the folders of images, or of volumes. */
function judgeStranger({ name, entries }: EntryGroup, prefix: string): readonly StoreFinding[] {
  if (isUuid(name) || isProbeName(name) || name === CHANGES) return [];
  return [unknownFile(`${prefix}${name}`, entries)];
}

function judgeInstance({ name, entries }: EntryGroup): readonly StoreFinding[] {
  const [entry, ...others] = entries;
  const id = (OF_INSTANCE.exec(name) ?? OF_CLAIM.exec(name))?.[1] ?? '';
  if (entry === undefined || isUuid(id) || isProbeName(name)) return [];
  return [
    isPartialName(name) && others.length === 0 ? unfinishedFile(entry) : unknownFile(`instances/${name}`, entries),
  ];
}

function judgeRecycled({ name, entries }: EntryGroup): readonly StoreFinding[] {
  if (isUuid(name) || isProbeName(name)) return [];
  const id = parsePurgedName(name);
  if (id === null) return [unknownFile(`recycle/${name}`, entries)];
  const message = `The deleted image ${id} was purged in part`;
  const [bytes, since] = [sumBytes(entries), newestOf(entries)];
  return [{ kind: 'half-deleted', subject: id, message, bytes, since, isRemovable: true }];
}
