import { childrenOf } from './lineage.ts';
import type { SnapshotRecord } from './snapshot.ts';

type Node = Pick<SnapshotRecord, 'id' | 'parent' | 'isDeleted' | 'users'>;

/** merge: the file of `into`, the only child, takes over what it needs of `from`, which is removed then. */
export type DeleteStep =
  | { readonly kind: 'merge'; readonly from: string; readonly into: string }
  | { readonly kind: 'remove'; readonly id: string };

export interface DeletePlan {
  /** In order: each holds for what those before it leave. Others that could not go until now go too. */
  readonly steps: readonly DeleteStep[];
  /** Others still need its data: it stays, seen by nobody. */
  readonly hidden: boolean;
}

/** What deleting `id` does to the files of its volume's snapshots; `users` are those that still exist. */
export function planDelete(snapshots: readonly Node[], id: string): DeletePlan {
  let left = snapshots.map((snapshot) => (snapshot.id === id ? { ...snapshot, isDeleted: true } : snapshot));
  const steps: DeleteStep[] = [];
  for (let step = nextStep(left); step !== null; step = nextStep(left)) {
    steps.push(step);
    left = applyStep(left, step);
  }
  return { steps, hidden: left.some((snapshot) => snapshot.id === id) };
}

/** Nobody is merged into what goes anyway; the lowest merges first, since that writes least. */
function nextStep(snapshots: readonly Node[]): DeleteStep | null {
  const going = snapshots.filter((snapshot) => snapshot.isDeleted && !isPinned(snapshots, snapshot));
  const leaf = going.find(({ id }) => childrenOf(snapshots, id).length === 0);
  if (leaf !== undefined) return { kind: 'remove', id: leaf.id };
  const lowest = going.filter(({ id }) => childrenOf(snapshots, id).length === 1).sort(byDepth(snapshots))[0];
  const child = lowest === undefined ? undefined : childrenOf(snapshots, lowest.id)[0];
  if (lowest === undefined || child === undefined) return null;
  return { kind: 'merge', from: lowest.id, into: child.id };
}

/** Whoever has a file open has all below it open: on a file server those break when they are replaced or removed. */
function isPinned(snapshots: readonly Node[], snapshot: Node): boolean {
  const descendants = listDescendants(snapshots, snapshot);
  // its own descendant: the records contradict each other, so nothing of that is touched
  if (descendants.includes(snapshot)) return true;
  return [snapshot, ...descendants].some(({ users }) => users.length > 0);
}

function listDescendants(snapshots: readonly Node[], snapshot: Node): readonly Node[] {
  const found = new Set<Node>();
  const queue = [snapshot];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const children = childrenOf(snapshots, at.id).filter((child) => !found.has(child));
    for (const child of children) found.add(child);
    queue.push(...children);
  }
  return [...found];
}

function byDepth(snapshots: readonly Node[]): (left: Node, right: Node) => number {
  const isBelow = (lower: Node, upper: Node) => listDescendants(snapshots, lower).includes(upper);
  return (left, right) => Number(isBelow(right, left)) - Number(isBelow(left, right));
}

function applyStep(snapshots: readonly Node[], step: DeleteStep): Node[] {
  if (step.kind === 'remove') return snapshots.filter(({ id }) => id !== step.id);
  const parent = snapshots.find(({ id }) => id === step.from)?.parent ?? null;
  return snapshots
    .filter(({ id }) => id !== step.from)
    .map((snapshot) => (snapshot.id === step.into ? { ...snapshot, parent } : snapshot));
}
