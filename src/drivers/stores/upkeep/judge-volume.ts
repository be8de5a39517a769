import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { isUuid } from '../documents/layout.ts';
import { type EntryGroup, isPartialName, isProbeName, type StoreEntry } from './entries.ts';
import { judgeFile, unfinishedFile, unknownFile } from './findings.ts';

const DRAFT = /^\.([0-9a-f-]{36})\.[A-Za-z0-9-]{1,64}\.partial$/;
const CLAIM = /^(lock|\.lock\.[^.]+\.end2?)$/;
const SUFFIXES = ['.qcow2.parts', '.qcow2', '.xml'] as const;

export interface VolumeSurroundings {
  /** Whose records can be read, by id. */
  readonly records: ReadonlyMap<string, SnapshotRecord>;
}

/** What is in the folder of one volume's snapshots. */
export function judgeVolume(group: EntryGroup, { records }: VolumeSurroundings): readonly StoreFinding[] {
  const { entries } = group;
  const recordIds = entries.flatMap(({ rest }) => parseId(rest, '.json') ?? []);
  const hasBroken = recordIds.some((id) => !records.has(id));
  const needed = new Set([...records.values()].flatMap(({ parent, pending }) => [parent, pending?.parent ?? null]));
  const findings = [...records.values()].flatMap((record) => judgeRecord(group, record) ?? []);
  for (const entry of entries) {
    if (entry.key.endsWith('/') || isKnown(entry.rest)) continue;
    const id = ownerOf(entry.rest);
    if (id === null) findings.push(judgeOther(entry));
    else if (!recordIds.includes(id)) findings.push(withoutRecord(entry, { isNeeded: hasBroken || needed.has(id) }));
  }
  return findings;
}

/** In the middle of a rewrite its file is either the old one or the new one. */
function judgeRecord({ entries }: EntryGroup, record: SnapshotRecord): StoreFinding | null {
  const { id, volume, sizeBytes, pending } = record;
  const sizes = pending === null ? [sizeBytes] : [sizeBytes, pending.sizeBytes];
  return judgeFile(
    { id, key: `snapshots/${volume}/${id}.qcow2`, sizes },
    entries.find(({ rest }) => rest === `${id}.qcow2`),
  );
}

function isKnown(name: string): boolean {
  return CLAIM.test(name) || isProbeName(name) || parseId(name, '.json') !== null;
}

/** Of the snapshot that a file belongs to. */
function ownerOf(name: string): string | null {
  for (const suffix of SUFFIXES) {
    const id = parseId(name, suffix);
    if (id !== null) return id;
  }
  return null;
}

function parseId(name: string, suffix: string): string | null {
  if (!name.endsWith(suffix)) return null;
  const id = name.slice(0, -suffix.length);
  return isUuid(id) ? id : null;
}

function judgeOther(entry: StoreEntry & { readonly rest: string }): StoreFinding {
  if (DRAFT.test(entry.rest))
    return unpublished(entry, `${entry.key} was written for a snapshot that never came to be`);
  return isPartialName(entry.rest) ? unfinishedFile(entry) : unknownFile(entry.key, [entry]);
}

/** A record that is lost may have been of one that others stand on. */
function withoutRecord(entry: StoreEntry, { isNeeded }: { readonly isNeeded: boolean }): StoreFinding {
  const finding = unpublished(entry, `${entry.key} is of a snapshot that has no record`);
  if (!isNeeded) return finding;
  return { ...finding, message: `${finding.message}, and others stand on it, or may`, isRemovable: false };
}

function unpublished({ key, sizeBytes, since }: StoreEntry, message: string): StoreFinding {
  return { kind: 'unpublished-snapshot', subject: key, message, bytes: sizeBytes, since, isRemovable: true };
}
