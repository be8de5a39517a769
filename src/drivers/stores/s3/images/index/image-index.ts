import { mapConcurrently } from '../../../../../lib/async.ts';
import type { Image } from '../../../../../model/image.ts';
import type { BrokenImage, RecycledImages } from '../../../../../model/ports/image-store.ts';
import { isUuid } from '../../../documents/layout.ts';
import type { Bucket, ObjectEntry } from '../../bucket.ts';
import { IMAGES_PREFIX, imagePrefix } from '../keys.ts';
import { addChange, type ChangeLog, changedSince, lastWord, readChangeLog } from './change-log.ts';
import { isDraft, type ListedImage, summariseListing } from './listing.ts';
import { type KnownManifests, readManifests } from './manifests.ts';
import { RecycledReader } from './recycled-reader.ts';
import { SharedRuns } from './shared-runs.ts';
import { makeSnapshot, type Snapshot } from './snapshot.ts';
import type { SnapshotFile } from './snapshot-file.ts';

/** Writers who leave no word in the log are seen after that, by who asks again. */
const FRESH_MS = 15_000;
/** Nothing older is ever given out. */
const USABLE_MS = 60_000;
/** More ids than that cost as much as everything. */
const MOST_PATCHED = 50;
const CONCURRENT_LISTS = 16;
/** Fewer are listed in a few pages. */
const WORTH_SPLITTING = 1_000;
const NO_MANIFESTS: KnownManifests = new Map();

/** What there is of images in the bucket. */
export interface ImageIndex {
  listImages(): Promise<{ readonly images: readonly Image[]; readonly broken: readonly BrokenImage[] }>;
  listRecycled(): Promise<RecycledImages>;
  listDraftIds(): Promise<readonly string[]>;
  /** We changed these: this process sees it at once, others on their next look. Never fails. */
  changed(imageIds: readonly string[]): Promise<void>;
}

export interface ImageIndexOptions {
  readonly bucket: Bucket;
  /** What earlier processes of this host have read. */
  readonly file: SnapshotFile;
  /** The host's clock. */
  readonly nowMs?: () => number;
}

/**
 * Reads what changed and nothing else: one request where nothing did, as the log of changes says. Whatever that says, everything is
 * listed anew after a while.
 */
export function createImageIndex(options: ImageIndexOptions): ImageIndex {
  const reader = new IndexReader(options);
  const recycled = new RecycledReader(options.bucket);
  return {
    listImages: async () => {
      const { images, broken } = await reader.read();
      return { images, broken };
    },
    listRecycled: async () => await recycled.read((await reader.read()).listing),
    listDraftIds: async () => {
      const { listing } = await reader.read();
      return [...listing].filter(([, listed]) => isDraft(listed)).map(([id]) => id);
    },
    changed: (imageIds) => reader.note(imageIds),
  };
}

class IndexReader {
  readonly #bucket: Bucket;
  readonly #file: SnapshotFile;
  readonly #nowMs: () => number;
  readonly #runs = new SharedRuns(() => this.#bringUpToDate());
  /** Changed by us since the snapshot was made, whether or not the log says so. */
  #changedHere = new Set<string>();
  #snapshot: Snapshot | null = null;
  #log: ChangeLog | null = null;
  #isRefreshing = false;

  constructor({ bucket, file, nowMs = Date.now }: ImageIndexOptions) {
    this.#bucket = bucket;
    this.#file = file;
    this.#nowMs = nowMs;
  }

  async read(): Promise<Snapshot> {
    return await this.#runs.run();
  }

  async note(imageIds: readonly string[]): Promise<void> {
    for (const id of imageIds) this.#changedHere.add(id);
    try {
      this.#log = await addChange(this.#bucket, imageIds, this.#log);
    } catch {
      // others list everything once in a while
      this.#log = null;
    }
  }

  async #bringUpToDate(): Promise<Snapshot> {
    const isFirst = this.#snapshot === null;
    const before = this.#snapshot ?? (await this.#load());
    const changedHere = this.#changedHere;
    this.#changedHere = new Set();
    try {
      const log = await readChangeLog(this.#bucket);
      this.#log = log;
      const changed = before === null ? null : this.#listChanged(before, { log, changedHere });
      const now = await this.#look(before, { log, changed });
      this.#snapshot = now;
      if (!isFirst && now === before) this.#refreshBehind(now);
      return now;
    } catch (error) {
      for (const id of changedHere) this.#changedHere.add(id);
      throw error;
    }
  }

  async #load(): Promise<Snapshot | null> {
    const loaded = await this.#file.load();
    for (const id of loaded?.unsureIds ?? []) this.#changedHere.add(id);
    return loaded?.snapshot ?? null;
  }

  /** null: everything must be looked at. */
  #listChanged(
    before: Snapshot,
    { log, changedHere }: { readonly log: ChangeLog; readonly changedHere: ReadonlySet<string> },
  ): readonly string[] | null {
    const ageMs = this.#nowMs() - before.listedAtMs;
    const logged = changedSince(log, before.word);
    if (logged === null || ageMs < 0 || ageMs > USABLE_MS) return null;
    const changed = [...new Set([...logged, ...changedHere])].filter(isUuid);
    return changed.length > MOST_PATCHED ? null : changed;
  }

  async #look(
    before: Snapshot | null,
    { log, changed }: { readonly log: ChangeLog; readonly changed: readonly string[] | null },
  ): Promise<Snapshot> {
    const word = lastWord(log);
    if (before === null || changed === null) return await this.#lookAtAll(before, word);
    if (changed.length === 0) return before.word === word ? before : { ...before, word };
    const patch = await listSome(this.#bucket, changed);
    const { manifests: read } = await readManifests(this.#bucket, patch, before.manifests);
    const [listing, manifests] = [new Map(before.listing), new Map(before.manifests)];
    for (const id of changed) {
      replace(listing, id, patch.get(id));
      replace(manifests, id, read.get(id));
    }
    return makeSnapshot({ word, listedAtMs: before.listedAtMs, listing, manifests });
  }

  async #lookAtAll(before: Snapshot | null, word: string): Promise<Snapshot> {
    const listedAtMs = this.#nowMs();
    const listing = summariseListing(await listAll(this.#bucket, before?.listing.size ?? 0));
    const { manifests, readCount } = await readManifests(this.#bucket, listing, before?.manifests ?? NO_MANIFESTS);
    const snapshot = makeSnapshot({ word, listedAtMs, listing, manifests });
    await this.#file.save(snapshot, readCount);
    return snapshot;
  }

  /** For who asks next. What was read since is newer than what this finds. */
  #refreshBehind(before: Snapshot): void {
    if (this.#isRefreshing || this.#nowMs() - before.listedAtMs < FRESH_MS) return;
    this.#isRefreshing = true;
    void this.#lookAtAll(before, before.word)
      .then((fresh) => {
        if (this.#snapshot === before) this.#snapshot = fresh;
      })
      // who asks once it is too old hears of it
      .catch(() => undefined)
      .finally(() => {
        this.#isRefreshing = false;
      });
  }
}

/** Page follows page within one listing; several, of ids that begin differently, go side by side. */
async function listAll(bucket: Bucket, expectedImages: number): Promise<readonly ObjectEntry[]> {
  if (expectedImages < WORTH_SPLITTING) return await bucket.list(IMAGES_PREFIX);
  const lists = await mapConcurrently([...'0123456789abcdef'], CONCURRENT_LISTS, (digit) =>
    bucket.list(`${IMAGES_PREFIX}${digit}`),
  );
  return lists.flat();
}

async function listSome(bucket: Bucket, imageIds: readonly string[]): Promise<ReadonlyMap<string, ListedImage>> {
  const lists = await mapConcurrently(imageIds, CONCURRENT_LISTS, (id) => bucket.list(imagePrefix(id)));
  return summariseListing(lists.flat());
}

function replace<Value>(map: Map<string, Value>, id: string, value: Value | undefined): void {
  if (value === undefined) map.delete(id);
  else map.set(id, value);
}
