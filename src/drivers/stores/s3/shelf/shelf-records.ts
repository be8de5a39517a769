import path from 'node:path';
import type { ShelvedInstance } from '../../../../model/shelved-instance.ts';
import { instancesFolder, isUuid, recordPath } from '../../documents/layout.ts';
import {
  brokenShelfRecord,
  listShelfReadings,
  type ShelfListing,
  type ShelfReading,
} from '../../documents/shelf-readings.ts';
import {
  MAX_RECORD_BYTES,
  parseShelfRecord,
  serialiseShelfRecord,
  shelfDamaged,
} from '../../documents/shelf-record.ts';
import type { Bucket } from '../bucket.ts';
import { createDocumentCache } from '../document-cache.ts';
import { readDocument } from '../read-document.ts';

const PREFIX = `${instancesFolder('')}/`;
const SUFFIX = '.json';

/** Lists every record by its instance's name; one that is broken is reported beside the others. STORE_UNUSABLE. */
export function createShelfList(bucket: Bucket): () => Promise<ShelfListing> {
  const cache = createDocumentCache(bucket, { maxBytes: MAX_RECORD_BYTES, parse: readOrExplain });
  return async () => {
    const entries = (await bucket.list(PREFIX)).filter(({ key }) => isUuid(idOf(key)));
    const readings = await cache.readAll(entries);
    return listShelfReadings(readings.filter((reading) => reading !== null));
  };
}

/** null without a record; SHELF_DAMAGED with one that cannot be used, STORE_UNUSABLE where reading fails. */
export async function readShelved(bucket: Bucket, instanceId: string): Promise<ShelvedInstance | null> {
  const document = await readDocument(bucket, recordPath('', instanceId), MAX_RECORD_BYTES);
  return document === null ? null : parse(document.content, instanceId);
}

/** Replaces the record. INTERNAL for one that we would not read back; STORE_WRITE_FAILED, NO_SPACE. */
export async function writeShelved(bucket: Bucket, instance: ShelvedInstance): Promise<void> {
  const key = recordPath('', instance.id);
  await bucket.put(key, serialiseShelfRecord(instance));
}

/** No error when there is none. STORE_WRITE_FAILED. */
export async function removeShelved(bucket: Bucket, instanceId: string): Promise<void> {
  await bucket.remove([recordPath('', instanceId)]);
}

/** Empty for what is no record. */
function idOf(key: string): string {
  return key.startsWith(PREFIX) && key.endsWith(SUFFIX) ? key.slice(PREFIX.length, -SUFFIX.length) : '';
}

function parse(content: string | null, instanceId: string): ShelvedInstance {
  if (content !== null) return parseShelfRecord(content, instanceId);
  throw shelfDamaged(instanceId, `its record has more than ${MAX_RECORD_BYTES} bytes`);
}

function readOrExplain(content: string | null, key: string): ShelfReading {
  const id = path.basename(key, SUFFIX);
  try {
    return { instance: parse(content, id) };
  } catch (error) {
    return brokenShelfRecord(id, { cause: error, otherwise: String(error) });
  }
}
