import { newUuid } from '../../../lib/uuid.ts';
import type { Core } from '../../support/context.ts';
import { acquireLocks } from '../../support/operation-locks.ts';
import { snapshotLock } from './snapshot-locks.ts';

export interface SnapshotLockWish {
  readonly ids: readonly string[];
  /** Those that the operation locked before it began. */
  readonly held: readonly string[];
  readonly kind: string;
}

/**
 * Nobody on this host reads those snapshots until it is disposed. SNAPSHOT_BUSY, and then none is locked. Under an id of its own, since
 * what an operation cannot get it must not lose its other locks for.
 */
export async function lockSnapshots(core: Core, { ids, held, kind }: SnapshotLockWish): Promise<AsyncDisposable> {
  const operationId = `snapshots ${newUuid()}`;
  const exclusive = ids.filter((id) => !held.includes(id)).map(snapshotLock);
  await acquireLocks(core, { exclusive, shared: [] }, { operationId, kind });
  return { [Symbol.asyncDispose]: () => core.locks.release(operationId) };
}
