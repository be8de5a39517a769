import type { SnapshotDeletion } from '../model/snapshot/snapshot.ts';
import { findOwnSnapshot } from './steps/snapshot/find-snapshot.ts';
import { listFamily } from './steps/snapshot/list-family.ts';
import { predictRemoval } from './steps/snapshot/predict-removal.ts';
import type { Core } from './support/context.ts';

/** What deleting it would do, without doing it; as things are now. */
export async function planSnapshotDelete(core: Core, reference: string): Promise<SnapshotDeletion> {
  const { id, volume } = await findOwnSnapshot(core, reference);
  const { plan, freedBytes, isEstimate } = await predictRemoval(core, await listFamily(core, volume), id);
  const gone = plan.steps.map((step) => (step.kind === 'merge' ? step.from : step.id));
  const rewritten = plan.steps.flatMap((step) =>
    step.kind === 'merge' && !gone.includes(step.into) ? [step.into] : [],
  );
  return { id, freedBytes, isEstimate, rewritten: [...new Set(rewritten)], isKeptHidden: plan.hidden };
}
