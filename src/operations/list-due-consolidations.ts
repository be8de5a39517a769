import { findOverlong } from '../model/snapshot/find-overlong.ts';
import { planDelete } from '../model/snapshot/plan-delete.ts';
import type { SnapshotRecord } from '../model/snapshot/snapshot.ts';
import { listFamily } from './steps/snapshot/list-family.ts';
import type { Core } from './support/context.ts';

/** Volumes with chains that are longer than they may be, with hidden snapshots that nobody needs any more, or with something left half-done. */
export async function listDueConsolidations(core: Core): Promise<readonly string[]> {
  const { snapshots } = await core.snapshots.list();
  const candidates = new Map<string, SnapshotRecord[]>();
  for (const record of snapshots) candidates.set(record.volume, [...(candidates.get(record.volume) ?? []), record]);
  const due: string[] = [];
  for (const [volume, records] of candidates) {
    if (mayBeDue(records, core.settings) && (await isDue(core, volume))) due.push(volume);
  }
  return due;
}

/** By what is at hand: most are not. */
function mayBeDue(records: readonly SnapshotRecord[], { maxChain }: Core['settings']): boolean {
  return records.length > maxChain || records.some(({ isDeleted, pending }) => isDeleted || pending !== null);
}

/** Another host is at it, or was: then it is asked again. */
async function isDue(core: Core, volume: string): Promise<boolean> {
  const holder = await core.snapshots.readClaim(volume);
  if (holder !== null && holder.host !== core.hostName) return false;
  const { records, nodes } = await listFamily(core, volume);
  return (
    records.some(({ pending }) => pending !== null) ||
    planDelete(nodes, '').steps.length > 0 ||
    findOverlong(nodes, { maxChain: core.settings.maxChain }) !== null
  );
}
