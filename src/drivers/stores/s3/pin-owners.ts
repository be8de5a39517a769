import { isUuid, userPath } from '../documents/layout.ts';
import { snapshotRecordPath } from '../documents/snapshot-layout.ts';
import { MAX_SNAPSHOT_RECORD_BYTES, parseSnapshotRecord } from '../documents/snapshot-record.ts';
import type { Bucket } from './bucket.ts';

const IMAGE = /^images\/([^/]+)\/$/;
const SNAPSHOT_FILE = /^snapshots\/([^/]+)\/[^/]+$/;

/**
 * Whether the store says that what was pinned here is still wanted: the image has that user, or thin volumes of this host stand on that
 * snapshot. True of what is neither. STORE_UNUSABLE, SNAPSHOT_DAMAGED.
 */
export async function isPinWanted(
  { bucket, hostName }: { readonly bucket: Bucket; readonly hostName: string },
  prefix: string,
  name: string,
): Promise<boolean> {
  if (!isUuid(name)) return true;
  const imageId = IMAGE.exec(prefix)?.[1];
  if (imageId !== undefined) return (await bucket.head(userPath('', { imageId, instanceId: name }))) !== null;
  const volume = SNAPSHOT_FILE.exec(prefix)?.[1];
  if (volume === undefined) return true;
  const key = { id: name, volume };
  const found = await bucket.get(snapshotRecordPath('', key), { maxBytes: MAX_SNAPSHOT_RECORD_BYTES });
  if (found === null) return false;
  return parseSnapshotRecord(found.content.toString('utf8'), key).users.some(({ host }) => host === hostName);
}
