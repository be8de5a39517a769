import path from 'node:path';
import { mapConcurrently } from '../../../../lib/async.ts';
import type { SnapshotRecord } from '../../../../model/snapshot/snapshot.ts';
import { isUuid } from '../../documents/layout.ts';
import {
  parseRecordName,
  type SnapshotKey,
  snapshotDamaged,
  snapshotNotFound,
  snapshotRecordPath,
  snapshotsFolder,
  volumeFolder,
} from '../../documents/snapshot-layout.ts';
import {
  brokenSnapshot,
  listReadings,
  pickReading,
  type SnapshotListing,
  type SnapshotReading,
} from '../../documents/snapshot-readings.ts';
import { MAX_SNAPSHOT_RECORD_BYTES, parseSnapshotRecord } from '../../documents/snapshot-record.ts';
import type { Bucket } from '../bucket.ts';
import { createDocumentCache } from '../document-cache.ts';
import { readDocument } from '../read-document.ts';

const CONCURRENT_READS = 16;
const PREFIX = `${snapshotsFolder('')}/`;

export interface SnapshotList {
  /** Oldest first, of one volume or of all; a record that is broken is reported beside the others. STORE_UNUSABLE. */
  list(filter?: { readonly volume?: string }): Promise<SnapshotListing>;
  /** By its id alone. SNAPSHOT_NOT_FOUND, SNAPSHOT_DAMAGED; STORE_UNUSABLE where reading fails. */
  read(id: string): Promise<SnapshotRecord>;
}

/** Remembers records as long as their objects stay the same, and the volumes of those that it saw. */
export function createSnapshotList(bucket: Bucket): SnapshotList {
  const cache = createDocumentCache(bucket, { maxBytes: MAX_SNAPSHOT_RECORD_BYTES, parse: parseListed });
  const volumes = new Map<string, string>();
  return {
    list: async (filter = {}) => {
      const entries = (await bucket.list(prefixOf(filter.volume))).filter(({ key }) => parseRecordKey(key) !== null);
      const readings = (await cache.readAll(entries)).filter((reading) => reading !== null);
      const listing = listReadings(readings);
      for (const { id, volume } of listing.snapshots) volumes.set(id, volume);
      return listing;
    },
    read: async (id) => {
      if (!isUuid(id)) throw snapshotNotFound(id);
      const volume = volumes.get(id);
      const remembered = volume === undefined ? null : await readOne(bucket, { id, volume });
      const snapshot = remembered !== null && 'snapshot' in remembered ? remembered.snapshot : await search(bucket, id);
      volumes.set(id, snapshot.volume);
      return snapshot;
    },
  };
}

async function search(bucket: Bucket, id: string): Promise<SnapshotRecord> {
  const keys = (await bucket.list(PREFIX)).flatMap(({ key }) => parseRecordKey(key) ?? []);
  const found = keys.filter((key) => key.id === id);
  const readings = await mapConcurrently(found, CONCURRENT_READS, (key) => readOne(bucket, key));
  return pickReading(
    readings.filter((reading) => reading !== null),
    id,
  );
}

async function readOne(bucket: Bucket, key: SnapshotKey): Promise<SnapshotReading | null> {
  const document = await readDocument(bucket, snapshotRecordPath('', key), MAX_SNAPSHOT_RECORD_BYTES);
  return document === null ? null : parse(document.content, key);
}

function prefixOf(volume: string | undefined): string {
  if (volume === undefined) return PREFIX;
  // what is no volume has no snapshots
  return isUuid(volume) ? `${volumeFolder('', volume)}/` : `${PREFIX}none/`;
}

/** null for every other key. */
function parseRecordKey(key: string): SnapshotKey | null {
  const [folder, volume = '', name = '', ...more] = key.split('/');
  const id = parseRecordName(name);
  if (id === null || !isUuid(volume) || more.length > 0) return null;
  return `${folder}/` === PREFIX ? { id, volume } : null;
}

function parseListed(content: string | null, key: string): SnapshotReading {
  const { name: id } = path.parse(key);
  return parse(content, { id, volume: path.basename(path.dirname(key)) });
}

function parse(content: string | null, key: SnapshotKey): SnapshotReading {
  try {
    if (content === null) throw snapshotDamaged(key.id, `its record has more than ${MAX_SNAPSHOT_RECORD_BYTES} bytes`);
    return { snapshot: parseSnapshotRecord(content, key) };
  } catch (error) {
    return brokenSnapshot(key, { cause: error, otherwise: String(error) });
  }
}
