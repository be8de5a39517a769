import { DarkroomError, hasCode, toDarkroomError } from '../../../model/errors.ts';
import { childrenOf } from '../../../model/snapshot/lineage.ts';
import type { DeleteStep } from '../../../model/snapshot/plan-delete.ts';
import type { SnapshotRecord } from '../../../model/snapshot/snapshot.ts';
import type { Core } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { waitForSlot } from '../../support/slots.ts';
import { type Family, listFamily, requireRecord } from './list-family.ts';
import { lockSnapshots } from './lock-snapshots.ts';
import { goneWith, nameStep, pickStep, touchedBy } from './pick-step.ts';
import { rewriteSnapshot } from './rewrite-snapshot.ts';
import { requireClaim } from './volume-claim.ts';
import { writeMerged } from './write-merged.ts';

export interface Removal {
  readonly volume: string;
  /** What is to go; null: only what is hidden and no longer needed. */
  readonly id: string | null;
  readonly operation: { readonly id: string; readonly kind: string };
  /** Snapshots that the operation locked before it began. */
  readonly held: readonly string[];
  /** Before each step. */
  readonly onStep?: (step: DeleteStep) => Promise<void>;
}

export interface Removed {
  readonly freedBytes: number;
  /** Others still need its data. */
  readonly isHidden: boolean;
  /** Steps that were put off, since somebody reads those files, or that failed; and why. */
  readonly warnings: readonly string[];
}

/**
 * Removes a snapshot, and those that were hidden and nobody needs any more, one step at a time; each leaves all others as whole as they
 * were. For whoever has the volume's lock and claim, with nothing left to settle. Throws what keeps the snapshot itself from going, which
 * is there as before then; what keeps hidden ones is told.
 */
export async function removeSnapshots(core: Core, removal: Removal, signal: AbortSignal): Promise<Removed> {
  const skipped = new Set<string>();
  const failures: DarkroomError[] = [];
  const before = await listFamily(core, removal.volume);
  let family = before;
  for (;;) {
    const step = pickStep(family.nodes, { id: removal.id, skipped });
    if (step === null) break;
    const failure = await tryStep(core, { removal, family, step }, signal);
    if (hasCode(failure, 'CANCELLED')) break;
    if (failure !== null) {
      skipped.add(nameStep(step));
      failures.push(failure);
    }
    family = await listFamily(core, removal.volume);
  }
  const isHidden = await hide(core, { removal, family });
  return { freedBytes: sumOf(before) - sumOf(family), isHidden, warnings: tell(failures) };
}

interface Work {
  readonly removal: Removal;
  readonly family: Family;
  readonly step: DeleteStep;
}

/** null: it is done. Else why it is put off; what keeps the snapshot itself from going is thrown. */
async function tryStep(core: Core, work: Work, signal: AbortSignal): Promise<DarkroomError | null> {
  const { removal, family, step } = work;
  try {
    throwIfCancelled(signal);
    await removal.onStep?.(step);
    await doStep(core, work, signal);
    return null;
  } catch (error) {
    // whoever cancels when the snapshot is gone is too late
    const isTooLate = !family.records.some(({ id }) => id === removal.id);
    if (goneWith(step) === removal.id || (hasCode(error, 'CANCELLED') && !isTooLate)) throw error;
    await core.snapshots.discardDrafts(removal.volume, removal.operation.id);
    return toDarkroomError(error);
  }
}

async function doStep(core: Core, { removal, family, step }: Work, signal: AbortSignal): Promise<void> {
  const { volume, operation, held } = removal;
  await using _locked = await lockSnapshots(core, { ids: touchedBy(step), held, kind: operation.kind });
  if (step.kind === 'merge') await merge(core, { removal, family, step }, signal);
  await requireClaim(core, volume, operation.id);
  await requireNoChild(core, { id: goneWith(step), volume });
  await core.snapshots.remove({ id: goneWith(step), volume });
}

async function merge(
  core: Core,
  { removal, family, step }: Work & { readonly step: Extract<DeleteStep, { kind: 'merge' }> },
  signal: AbortSignal,
): Promise<void> {
  await using _slot = await waitForSlot(core, 'copy', { signal });
  const from = requireRecord(family, step.from);
  const into = requireRecord(family, step.into);
  const operationId = removal.operation.id;
  const write = (path: string) => writeMerged(core, { from, into, operationId }, path, signal);
  await rewriteSnapshot(core, { record: into, parent: from.parent, operationId, write }, signal);
}

/** Whatever the plan says: what is removed for good is looked at once more. */
async function requireNoChild(core: Core, { id, volume }: Pick<SnapshotRecord, 'id' | 'volume'>): Promise<void> {
  const [child] = childrenOf((await listFamily(core, volume)).nodes, id);
  if (child === undefined) return;
  throw new DarkroomError('SNAPSHOT_BUSY', `The snapshot ${child.id} still stands on ${id}.`, {
    fields: { snapshotId: id, child: child.id },
  });
}

/** Others still need it. Last, so that whatever failed before leaves it as it was. */
async function hide(core: Core, { removal, family }: Omit<Work, 'step'>): Promise<boolean> {
  const record = family.records.find(({ id }) => id === removal.id);
  if (record === undefined) return false;
  await requireClaim(core, removal.volume, removal.operation.id);
  await core.snapshots.update({ ...(await core.snapshots.read(record.id)), isDeleted: true });
  return true;
}

function sumOf({ records }: Family): number {
  return records.reduce((sum: number, { storedBytes }: SnapshotRecord) => sum + storedBytes, 0);
}

/** That somebody reads what is hidden is nothing to tell: it goes some other time. */
function tell(failures: readonly DarkroomError[]): readonly string[] {
  return failures
    .filter((failure) => !hasCode(failure, 'SNAPSHOT_BUSY'))
    .map(({ message }) => `What is hidden could not be cleared away: ${message}`);
}
