import type { SnapshotStore } from '../../../model/ports/snapshot-store.ts';
import type { DirectoryStoreOptions } from './directory-store.ts';

export function createDirectorySnapshots(_options: DirectoryStoreOptions): SnapshotStore {
  throw new Error('not there yet');
}
