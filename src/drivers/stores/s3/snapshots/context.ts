import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { FOLDER_MODE } from '../../documents/layout.ts';
import { volumeFolder } from '../../documents/snapshot-layout.ts';
import type { ImageOwner } from '../../files/image-owner.ts';
import { type StoreFailure, toStoreError } from '../../files/store-errors.ts';
import type { Bucket } from '../bucket.ts';
import type { Mirror } from '../mirror.ts';

/** What all parts of one store of snapshots share. */
export interface SnapshotContext {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  readonly hostName: string;
  readonly owner: () => Promise<ImageOwner | null>;
}

/**
 * The folder of this host that files of a volume are written to; it goes with the last copy in it. Synchronous because `draft` is: a
 * writer gets a place that it can write to at once. INVALID_REQUEST; NO_SPACE, and otherwise what is asked for.
 */
export function makeVolumeFolder(mirror: Mirror, volume: string, code: StoreFailure['code']): void {
  const folder = mirror.path(volumeFolder('', volume));
  try {
    makeFoldersSync(folder);
  } catch (error) {
    throw toStoreError(error, { code, action: 'make', path: folder });
  }
}

/** Those that are there keep their modes. */
function makeFoldersSync(folder: string): void {
  if (existsSync(folder)) return;
  makeFoldersSync(path.dirname(folder));
  mkdirSync(folder, { recursive: true });
  // whatever the umask: QEMU's user must pass
  chmodSync(folder, FOLDER_MODE);
}
