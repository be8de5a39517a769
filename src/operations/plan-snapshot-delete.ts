import type { SnapshotDeletion } from '../model/snapshot/snapshot.ts';
import type { Core } from './support/context.ts';

/** What deleting it would do, without doing it. */
export async function planSnapshotDelete(_core: Core, _reference: string): Promise<SnapshotDeletion> {
  throw new Error('not there yet');
}
