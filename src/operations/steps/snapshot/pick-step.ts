import { childrenOf } from '../../../model/snapshot/lineage.ts';
import { type DeleteStep, planDelete } from '../../../model/snapshot/plan-delete.ts';
import type { FamilyNode } from './list-family.ts';

export interface StepWish {
  /** null: only what others left hidden. */
  readonly id: string | null;
  /** What could not be done, and is not tried again; as nameStep has it. */
  readonly skipped: ReadonlySet<string>;
}

/** The next step that holds as things are: first of all one that ends the snapshot itself. null: there is none. */
export function pickStep(nodes: readonly FamilyNode[], { id, skipped }: StepWish): DeleteStep | null {
  const possible = planDelete(nodes, id ?? '').steps.filter(
    (step) => !skipped.has(nameStep(step)) && holdsNow(nodes, step),
  );
  return possible.find((step) => goneWith(step) === id) ?? possible[0] ?? null;
}

/** The snapshot that is gone after it. */
export function goneWith(step: DeleteStep): string {
  return step.kind === 'remove' ? step.id : step.from;
}

/** Whose files it rewrites or removes. */
export function touchedBy(step: DeleteStep): readonly string[] {
  return step.kind === 'remove' ? [step.id] : [step.from, step.into];
}

export function nameStep(step: DeleteStep): string {
  return touchedBy(step).join(' ');
}

/** Some of a plan's steps need those before them. */
function holdsNow(nodes: readonly FamilyNode[], step: DeleteStep): boolean {
  const children = childrenOf(nodes, goneWith(step)).map(({ id }) => id);
  return step.kind === 'remove' ? children.length === 0 : children.length === 1 && children[0] === step.into;
}
