import path from 'node:path';
import { DarkroomError } from '../../../model/errors.ts';
import { isUuid } from './layout.ts';

export interface SnapshotKey {
  readonly id: string;
  readonly volume: string;
}

const RECORD_SUFFIX = '.json';
const TAG = /^[A-Za-z0-9-]{1,64}$/;

export function snapshotsFolder(root: string): string {
  return path.join(root, 'snapshots');
}

/** INVALID_REQUEST unless the id is a UUID in lower case. */
export function volumeFolder(root: string, volume: string): string {
  if (isUuid(volume)) return path.join(snapshotsFolder(root), volume);
  throw new DarkroomError('INVALID_REQUEST', `"${volume}" is not a volume id: expected a UUID`);
}

/** SNAPSHOT_NOT_FOUND unless both ids are UUIDs in lower case: nothing else ever becomes part of a path. */
export function snapshotRecordPath(root: string, snapshot: SnapshotKey): string {
  return snapshotPath(root, snapshot, RECORD_SUFFIX);
}

/** SNAPSHOT_NOT_FOUND as above. */
export function snapshotFilePath(root: string, snapshot: SnapshotKey): string {
  return snapshotPath(root, snapshot, '.qcow2');
}

/** SNAPSHOT_NOT_FOUND as above. */
export function snapshotXmlPath(root: string, snapshot: SnapshotKey): string {
  return snapshotPath(root, snapshot, '.xml');
}

/** INVALID_REQUEST unless the id is a UUID in lower case. */
export function volumeLockPath(root: string, volume: string): string {
  return path.join(volumeFolder(root, volume), 'lock');
}

/** The id of the snapshot that a record of that name would be of; null for any other name. */
export function parseRecordName(name: string): string | null {
  if (!name.endsWith(RECORD_SUFFIX)) return null;
  const id = name.slice(0, -RECORD_SUFFIX.length);
  return isUuid(id) ? id : null;
}

/** Of a file in the making. INTERNAL for a tag that is no plain word. */
export function snapshotDraftPath(root: string, snapshot: SnapshotKey, tag: string): string {
  if (!TAG.test(tag)) throw new DarkroomError('INTERNAL', `${JSON.stringify(tag)} is not a tag for a file`);
  return path.join(path.dirname(snapshotFilePath(root, snapshot)), `.${snapshot.id}.${tag}.partial`);
}

export function isDraftName(name: string, tag: string): boolean {
  const [beforeDot, id = '', seen, end, ...more] = name.split('.');
  return beforeDot === '' && isUuid(id) && seen === tag && end === 'partial' && more.length === 0;
}

export function snapshotNotFound(snapshotId: string): DarkroomError {
  const fields = { snapshotId };
  return new DarkroomError('SNAPSHOT_NOT_FOUND', `There is no snapshot ${snapshotId} in the store`, { fields });
}

export function snapshotDamaged(snapshotId: string, reason: string): DarkroomError {
  const message = `The snapshot ${snapshotId} is damaged: ${reason}. Restore its files from a copy of the store, or delete it`;
  return new DarkroomError('SNAPSHOT_DAMAGED', message, { fields: { snapshotId, reason } });
}

/** Of the snapshot itself: whoever reads what others need of it tells that from other damage. */
export function snapshotFileMissing(snapshotId: string): DarkroomError {
  const { code, message, fields } = snapshotDamaged(snapshotId, 'its file is missing');
  return new DarkroomError(code, message, { fields: { ...fields, isMissing: true } });
}

function snapshotPath(root: string, { id, volume }: SnapshotKey, suffix: string): string {
  if (!isUuid(id) || !isUuid(volume)) throw snapshotNotFound(id);
  return path.join(volumeFolder(root, volume), `${id}${suffix}`);
}
