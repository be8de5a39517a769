import { mapConcurrently } from '../../../lib/async.ts';
import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { StoreFinding } from '../../../model/store.ts';
import { isUuid, MANIFEST_FILE } from '../documents/layout.ts';
import { parseManifest } from '../documents/manifest.ts';
import { parseShelfRecord } from '../documents/shelf-record.ts';
import { parseRecordName } from '../documents/snapshot-layout.ts';
import { parseSnapshotRecord } from '../documents/snapshot-record.ts';
import { type EntryGroup, groupEntries, type StoreEntry } from './entries.ts';
import { judgeImage } from './judge-image.ts';
import { judgeRest } from './judge-rest.ts';
import { judgeVolume } from './judge-volume.ts';

const CONCURRENT_READS = 16;

/** How a store is looked at: names and lengths, and small documents. */
export interface StoreReader {
  /** All below a name that ends with a slash, or all. */
  list(prefix: string, signal?: AbortSignal): Promise<readonly StoreEntry[]>;
  /** null when it is gone, or nothing that can be read as text. */
  read(key: string): Promise<string | null>;
}

/**
 * What is not as it should be below one folder, or in all of a store. What looks wrong with an image or snapshot is looked at twice:
 * somebody may just have changed it.
 */
export async function findFaults(
  reader: StoreReader,
  { prefix = '', signal }: { readonly prefix?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly StoreFinding[]> {
  const confirmed: StoreFinding[] = [];
  for (const { finding, folder } of await inspect(reader, prefix, signal)) {
    const isDoubtful = finding.kind === 'missing-file' || finding.kind === 'wrong-size';
    const again = isDoubtful ? await inspect(reader, folder, signal) : null;
    if (again === null || again.some((other) => isSame(finding, other.finding))) confirmed.push(finding);
  }
  return confirmed;
}

/** The same removable finding, if it is still there and nobody has written to it since; null otherwise. */
export async function findAgain(reader: StoreReader, finding: StoreFinding): Promise<StoreFinding | null> {
  const folder = finding.isRemovable ? folderOf(finding) : null;
  const found = folder === null ? [] : await inspect(reader, folder);
  return found.find((other) => other.finding.isRemovable && isSame(finding, other.finding))?.finding ?? null;
}

/** The smallest folder that says whether it is still so; null for what is in none of ours. */
function folderOf({ kind, subject }: StoreFinding): string | null {
  if (isUuid(subject)) return kind === 'half-deleted' ? 'recycle/' : `images/${subject}/`;
  const [top = '', name = ''] = subject.split('/');
  if (top === 'images' || top === 'snapshots') return isUuid(name) ? `${top}/${name}/` : null;
  return top === 'instances' ? 'instances/' : null;
}

function isSame(one: StoreFinding, other: StoreFinding): boolean {
  return one.kind === other.kind && one.subject === other.subject && one.since === other.since;
}

interface Located {
  readonly finding: StoreFinding;
  readonly folder: string;
}

async function inspect(reader: StoreReader, prefix: string, signal?: AbortSignal): Promise<readonly Located[]> {
  const entries = await reader.list(prefix, signal);
  const shelved = await readShelved(reader, prefix === '' ? entries : await reader.list('instances/', signal));
  const judgeAll = async (folder: string, judge: (group: EntryGroup) => Promise<readonly StoreFinding[]>) => {
    const groups = groupEntries(entries, folder).filter(({ name }) => isUuid(name));
    const found = await mapConcurrently(groups, CONCURRENT_READS, async (group) => {
      throwIfAborted(signal);
      return (await judge(group)).map((finding) => ({ finding, folder: `${folder}${group.name}/` }));
    });
    return found.flat();
  };
  const ofImages = await judgeAll('images/', async (group) =>
    judgeImage(group, {
      image: await readImage(reader, group),
      isOfShelved: shelved.imageIds.has(group.name) || shelved.hasBroken,
    }),
  );
  const ofVolumes = await judgeAll('snapshots/', async (group) =>
    judgeVolume(group, { records: await readRecords(reader, group) }),
  );
  return [...ofImages, ...ofVolumes, ...judgeRest(entries).map((finding) => ({ finding, folder: prefix }))];
}

interface Shelved {
  readonly imageIds: ReadonlySet<string>;
  /** One that cannot be read may be of any image. */
  readonly hasBroken: boolean;
}

async function readShelved(reader: StoreReader, entries: readonly StoreEntry[]): Promise<Shelved> {
  const keys = entries.filter(({ key }) => /^instances\/[^/.]+\.json$/.test(key)).map(({ key }) => key);
  const ids = await mapConcurrently(keys, CONCURRENT_READS, async (key) => {
    const text = await reader.read(key);
    const instanceId = key.slice('instances/'.length, -'.json'.length);
    return text === null ? null : (parse(() => parseShelfRecord(text, instanceId))?.imageId ?? null);
  });
  return { imageIds: new Set(ids.filter((id) => id !== null)), hasBroken: ids.includes(null) };
}

async function readImage(reader: StoreReader, { name, entries }: EntryGroup): Promise<Image | null> {
  if (!entries.some(({ rest }) => rest === MANIFEST_FILE)) return null;
  const text = await reader.read(`images/${name}/${MANIFEST_FILE}`);
  return text === null ? null : parse(() => parseManifest(text, name));
}

async function readRecords(
  reader: StoreReader,
  { name: volume, entries }: EntryGroup,
): Promise<ReadonlyMap<string, SnapshotRecord>> {
  const ids = entries.flatMap(({ rest }) => parseRecordName(rest) ?? []);
  const records = new Map<string, SnapshotRecord>();
  for (const id of ids) {
    const text = await reader.read(`snapshots/${volume}/${id}.json`);
    const record = text === null ? null : parse(() => parseSnapshotRecord(text, { id, volume }));
    if (record !== null) records.set(id, record);
  }
  return records;
}

/** null for a document that is not what we write: whoever lists it says what is wrong with it. */
function parse<T>(work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (error instanceof DarkroomError) return null;
    throw error;
  }
}

function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted === true) throw new DarkroomError('CANCELLED', 'The store was not looked through to the end.');
}
