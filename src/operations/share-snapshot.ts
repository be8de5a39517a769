import type { Snapshot, SnapshotShare } from '../model/snapshot/snapshot.ts';
import type { Core } from './support/context.ts';

export async function shareSnapshot(_core: Core, _reference: string, _share: SnapshotShare): Promise<Snapshot> {
  throw new Error('not there yet');
}

export async function unshareSnapshot(_core: Core, _reference: string, _principal: string): Promise<Snapshot> {
  throw new Error('not there yet');
}
