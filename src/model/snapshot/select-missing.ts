/**
 * Of a chain, from the bottom up, what has to be brought to where some of it is already. What stands there is whole, so that nothing
 * below it is needed for its sake; a hidden snapshot comes only with one that stands on it.
 */
export function selectMissing<T extends { readonly id: string; readonly isDeleted: boolean }>(
  chain: readonly T[],
  knownIds: ReadonlySet<string>,
): readonly T[] {
  const missing: T[] = [];
  let isNeeded = false;
  for (const snapshot of [...chain].reverse()) {
    isNeeded = !knownIds.has(snapshot.id) && (isNeeded || !snapshot.isDeleted);
    if (isNeeded) missing.unshift(snapshot);
  }
  return missing;
}
