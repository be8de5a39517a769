import { childrenOf, listAncestry } from './lineage.ts';
import type { SnapshotRecord } from './snapshot.ts';

type Node = Pick<SnapshotRecord, 'id' | 'parent' | 'users'>;

/**
 * The lowest snapshot whose chain is longer than it may be; made to stand alone, all above it get shorter. None that a thin volume
 * stands on, or something that one stands on: their files stay as they are. null: there is none.
 */
export function findOverlong<T extends Node>(
  snapshots: readonly T[],
  { maxChain, except = new Set() }: { readonly maxChain: number; readonly except?: ReadonlySet<string> },
): T | null {
  const overlong = snapshots.filter(
    (each) => !except.has(each.id) && each.parent !== null && isOver(snapshots, each, maxChain),
  );
  return overlong.find((each) => !isInUse(snapshots, each)) ?? null;
}

/** By just one: the next above has a parent that is to be flattened itself. */
function isOver(snapshots: readonly Node[], { id }: Node, maxChain: number): boolean {
  return listAncestry(snapshots, id).length === maxChain + 1;
}

function isInUse(snapshots: readonly Node[], node: Node, seen: readonly Node[] = []): boolean {
  if (node.users.length > 0 || seen.includes(node)) return true;
  return childrenOf(snapshots, node.id).some((child) => isInUse(snapshots, child, [...seen, node]));
}
