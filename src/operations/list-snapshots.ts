import type { SnapshotFilter } from '../model/requests.ts';
import type { SnapshotLink } from '../model/snapshot/chain-link.ts';
import type { Snapshot } from '../model/snapshot/snapshot.ts';
import type { Core } from './support/context.ts';

/** Oldest first; those that the caller sees. */
export async function listSnapshots(_core: Core, _filter: SnapshotFilter = {}): Promise<readonly Snapshot[]> {
  throw new Error('not there yet');
}

export async function showSnapshot(_core: Core, _reference: string): Promise<Snapshot> {
  throw new Error('not there yet');
}

export async function showSnapshotChain(_core: Core, _reference: string): Promise<readonly SnapshotLink[]> {
  throw new Error('not there yet');
}
