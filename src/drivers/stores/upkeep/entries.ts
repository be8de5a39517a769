/** A file of a store, by its name there: `images/<id>/manifest.json`. A folder ends with a slash. */
export interface StoreEntry {
  readonly key: string;
  /** null for what is neither a file nor a folder. */
  readonly sizeBytes: number | null;
  /** RFC 3339, UTC: last change, of its name too where that is known. */
  readonly since: string;
}

/** Entries below one folder, with what is left of their names. */
export interface EntryGroup {
  readonly name: string;
  readonly entries: readonly (StoreEntry & { readonly rest: string })[];
}

/** By the first folder below `prefix`, which ends with a slash or is empty; what lies there itself is a group of its own. */
export function groupEntries(entries: readonly StoreEntry[], prefix: string): readonly EntryGroup[] {
  const groups = new Map<string, (StoreEntry & { readonly rest: string })[]>();
  for (const entry of entries) {
    if (!entry.key.startsWith(prefix) || entry.key === prefix) continue;
    const [name = '', ...rest] = entry.key.slice(prefix.length).split('/');
    const group = groups.get(name) ?? [];
    group.push({ ...entry, rest: rest.join('/') });
    groups.set(name, group);
  }
  return [...groups].map(([name, found]) => ({ name, entries: found }));
}

export function sumBytes(entries: readonly StoreEntry[]): number {
  return entries.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
}

/** When the last of them was written to. */
export function newestOf(entries: readonly StoreEntry[]): string | null {
  return entries.reduce<string | null>(
    (newest, { since }) => (newest === null || since > newest ? since : newest),
    null,
  );
}

/** A file in the making, of whatever kind. */
export function isPartialName(name: string): boolean {
  return /^\..*\.partial$/.test(name);
}

/** Made and removed within moments by whoever finds out whether it can write there. */
export function isProbeName(name: string): boolean {
  return name.startsWith('.probe-');
}
