import { DOMAIN_XML_FILE, type Image } from '../../../model/image.ts';
import { MEMORY_FILE, MEMORY_XML_FILE } from '../../../model/shelved-instance.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { isUuid, MANIFEST_FILE, RECYCLED_FILE, USERS_FOLDER } from '../documents/layout.ts';
import { type EntryGroup, isPartialName, newestOf, sumBytes } from './entries.ts';
import { judgeFile, unfinishedFile, unknownFile } from './findings.ts';

/** Beside an uploaded object: its checksums. */
const PARTS_SUFFIX = '.parts';
/** `.draft`: who makes it, in a bucket. */
const OWN_FILES = new Set([MANIFEST_FILE, RECYCLED_FILE, DOMAIN_XML_FILE, '.draft']);
/** Of a machine beside its disks, as its record names them. */
const SHELVED_FILES = new Set([MEMORY_FILE, MEMORY_XML_FILE]);
const SHELVED_FOLDERS = new Set(['checkpoints', 'files']);

export interface ImageSurroundings {
  /** null: its manifest cannot be read, or has gone since. */
  readonly image: Image | null;
  /** A shelved instance is, or may be, in it. */
  readonly isOfShelved: boolean;
}

/** What is in the folder of one image. */
export function judgeImage(group: EntryGroup, { image, isOfShelved }: ImageSurroundings): readonly StoreFinding[] {
  const names = new Set(group.entries.map(({ rest }) => rest));
  if (group.entries.some(({ key, rest }) => rest === '' && !key.endsWith('/')))
    return [unknownFile(`images/${group.name}`, group.entries)];
  if (!names.has(MANIFEST_FILE)) return judgeDraft(group, { isOfShelved, isRecycled: names.has(RECYCLED_FILE) });
  if (image === null || (image.status !== 'active' && image.status !== 'error')) return [];
  const { disks, nvram, tpm } = image;
  const files = [...disks, ...(nvram === null ? [] : [nvram]), ...tpm];
  const missing = files.map(({ file, sizeBytes }) =>
    judgeFile(
      { id: image.id, key: `images/${image.id}/${file}`, sizes: [sizeBytes] },
      group.entries.find(({ rest }) => rest === file),
    ),
  );
  const named = new Set(files.map(({ file }) => file));
  const isShelved = image.properties['image_type'] === 'shelved';
  return [...missing.filter((finding) => finding !== null), ...judgeRest(group, { named, names, isShelved })];
}

/** Nobody takes it for an image. What a machine may depend on stays. */
function judgeDraft(
  { name, entries }: EntryGroup,
  { isOfShelved, isRecycled }: { readonly isOfShelved: boolean; readonly isRecycled: boolean },
): readonly StoreFinding[] {
  if (isOfShelved || isRecycled) return [];
  const hasUsers = entries.some(({ rest }) => rest.startsWith(`${USERS_FOLDER}/`) && rest.endsWith('.json'));
  const message = hasUsers
    ? `The image ${name} has no manifest, and instances are on record whose disks stand on it`
    : `The image ${name} has no manifest: it was never finished, or deleted in part`;
  const [bytes, since] = [sumBytes(entries), newestOf(entries)];
  return [{ kind: 'unpublished-image', subject: name, message, bytes, since, isRemovable: !hasUsers }];
}

function judgeRest(
  { entries }: EntryGroup,
  known: { readonly named: ReadonlySet<string>; readonly names: ReadonlySet<string>; readonly isShelved: boolean },
): readonly StoreFinding[] {
  const findings: StoreFinding[] = [];
  for (const entry of entries) {
    if (entry.key.endsWith('/') || isKnown(entry.rest, known)) continue;
    const isUnfinished = isPartialName(entry.rest.split('/').at(-1) ?? '') || isOrphan(entry.rest, known.names);
    findings.push(isUnfinished ? unfinishedFile(entry) : unknownFile(entry.key, [entry]));
  }
  return findings;
}

function isKnown(
  file: string,
  known: { readonly named: ReadonlySet<string>; readonly names: ReadonlySet<string>; readonly isShelved: boolean },
): boolean {
  if (known.named.has(file) || OWN_FILES.has(file)) return true;
  const object = withoutParts(file);
  if (object !== null) return known.names.has(object) && isKnown(object, known);
  const [folder = '', name = ''] = file.split('/');
  if (folder === USERS_FOLDER) return isUuid(name.replace(/\.json$/, ''));
  return known.isShelved && (SHELVED_FILES.has(file) || SHELVED_FOLDERS.has(folder));
}

function isOrphan(file: string, names: ReadonlySet<string>): boolean {
  const object = withoutParts(file);
  return object !== null && !names.has(object);
}

function withoutParts(file: string): string | null {
  return file.endsWith(PARTS_SUFFIX) ? file.slice(0, -PARTS_SUFFIX.length) : null;
}
