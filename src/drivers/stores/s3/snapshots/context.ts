import { makeFolders } from '../../directory/durable-files.ts';
import type { ImageOwner } from '../../directory/image-owner.ts';
import { type StoreFailure, withStoreErrors } from '../../directory/store-errors.ts';
import { FOLDER_MODE } from '../../documents/layout.ts';
import { volumeFolder } from '../../documents/snapshot-layout.ts';
import type { Bucket } from '../bucket.ts';
import type { Mirror } from '../mirror.ts';

/** What all parts of one store of snapshots share. */
export interface SnapshotContext {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  readonly hostName: string;
  readonly owner: () => Promise<ImageOwner | null>;
}

/** The folder of this host that files of a volume are written to. INVALID_REQUEST; NO_SPACE, and otherwise what is asked for. */
export async function makeVolumeFolder(mirror: Mirror, volume: string, code: StoreFailure['code']): Promise<void> {
  const folder = mirror.path(volumeFolder('', volume));
  await withStoreErrors({ code, action: 'make', path: folder }, () => makeFolders(folder, FOLDER_MODE));
}
