import type { MirrorContext } from './context.ts';
import { listPins, unpin } from './pins.ts';

/** Who pins says so here first, and in the store a moment later. */
const SETTLED_MS = 60 * 60 * 1000;

/** Those that nobody in the store wants any more go; where it cannot be asked they stay. STORE_UNUSABLE, STORE_WRITE_FAILED. */
export async function dropStalePins({ rootPath, isWanted }: MirrorContext): Promise<void> {
  for (const { prefix, name, pinnedAtMs } of await listPins(rootPath)) {
    if (Date.now() - pinnedAtMs < SETTLED_MS) continue;
    if (!(await isWanted(prefix, name).catch(() => true))) await unpin(rootPath, prefix, name);
  }
}
