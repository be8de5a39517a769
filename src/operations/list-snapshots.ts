import { takePage } from '../model/pages.ts';
import type { SnapshotStore } from '../model/ports/snapshot-store.ts';
import { mayChangeSnapshot } from '../model/snapshot/access.ts';
import type { SnapshotLink } from '../model/snapshot/chain-link.ts';
import { describeLink, describeSnapshot, isNameable, type Viewer } from '../model/snapshot/describe-snapshot.ts';
import { listDown } from '../model/snapshot/lineage.ts';
import type { SnapshotFilter } from '../model/snapshot/requests.ts';
import type { Snapshot, SnapshotRecord, SnapshotUser } from '../model/snapshot/snapshot.ts';
import { indexSnapshots } from '../model/snapshot/snapshot-index.ts';
import { findSnapshot } from './steps/snapshot/find-snapshot.ts';
import { identifyInstance, identifyVolume } from './steps/snapshot/identify-source.ts';
import type { Core } from './support/context.ts';

/** Oldest first; those that the caller sees. One that cannot be read is logged and hides no other. */
export async function listSnapshots(core: Core, filter: SnapshotFilter = {}): Promise<readonly Snapshot[]> {
  const viewer = viewerOf(core);
  const { volume, instance } = await identifySource(core, filter);
  const { snapshots, broken } = await readSnapshots(core, volume === undefined ? {} : { volume });
  for (const { id, reason } of broken)
    core.log.warn({ snapshotId: id, reason }, 'a snapshot is damaged and was left out');
  const seen = snapshots.filter(
    (record) => isNameable(record, viewer) && (instance === undefined || record.instance === instance),
  );
  const index = indexSnapshots(snapshots);
  return takePage(seen, filter).map((record) => describeSnapshot(index, record, viewer));
}

export async function showSnapshot(core: Core, reference: string): Promise<Snapshot> {
  const record = await findSnapshot(core, reference);
  const { snapshots } = await readSnapshots(core, { volume: record.volume });
  const index = indexSnapshots(snapshots);
  return describeSnapshot(index, index.byId.get(record.id) ?? record, viewerOf(core));
}

/** From the one that stands alone to the snapshot itself, then its children. */
export async function showSnapshotChain(core: Core, reference: string): Promise<readonly SnapshotLink[]> {
  const viewer = viewerOf(core);
  const found = await findSnapshot(core, reference);
  const { snapshots } = await readSnapshots(core, { volume: found.volume });
  const index = indexSnapshots(snapshots);
  const below = [...listDown(index.byId, index.byId.get(found.id) ?? found)].reverse();
  const children = (index.childrenOf.get(found.id) ?? []).filter((child) => isToldOf(child, viewer));
  return [...below, ...children].map((record) => describeLink(index, record, viewer));
}

/** A thin volume of this host whose file is gone keeps nothing; what else it stands on by now a delete looks at. */
async function readSnapshots(
  core: Core,
  filter: { readonly volume?: string },
): Promise<Awaited<ReturnType<SnapshotStore['list']>>> {
  const { snapshots, broken } = await core.snapshots.list(filter);
  return { snapshots: await Promise.all(snapshots.map((record) => withoutGone(core, record))), broken };
}

async function withoutGone({ files, hostName }: Core, record: SnapshotRecord): Promise<SnapshotRecord> {
  if (record.users.length === 0) return record;
  const isThere = async ({ host, path }: SnapshotUser) => host !== hostName || (await files.stat(path)) !== null;
  const found = await Promise.all(record.users.map(isThere));
  return { ...record, users: record.users.filter((_user, number) => found[number] === true) };
}

/** A chain is read whole by whoever reads its end; what others made after it is theirs. */
function isToldOf(child: SnapshotRecord, viewer: Viewer): boolean {
  return isNameable(child, viewer) || (child.isDeleted && mayChangeSnapshot(viewer.caller, child));
}

async function identifySource(
  core: Core,
  { volume, instance }: SnapshotFilter,
): Promise<{ readonly volume?: string; readonly instance?: string }> {
  return {
    ...(volume === undefined ? {} : { volume: await identifyVolume(core, volume) }),
    ...(instance === undefined ? {} : { instance: await identifyInstance(core, instance) }),
  };
}

function viewerOf({ caller, clock }: Core): Viewer {
  return { caller, now: clock.now() };
}
