import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { SnapshotFileDraft, SnapshotStore, VolumeClaim } from '../../src/model/ports/snapshot-store.ts';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';

/** A snapshot in the store, as one that was taken is: its file holds `content`. */
export async function keepSnapshot(
  store: SnapshotStore,
  snapshot: SnapshotRecord,
  options: { readonly content?: string | Buffer; readonly domainXml?: string | null } = {},
): Promise<void> {
  await store.assertWritable(snapshot.volume);
  await (await fillDraft(store, snapshot, options.content ?? snapshot.id)).moveIn();
  await store.publish(snapshot, options.domainXml ?? null);
}

/** A sealed file of an operation of its own. */
export async function fillDraft(
  store: SnapshotStore,
  snapshot: Pick<SnapshotRecord, 'id' | 'volume'>,
  content: string | Buffer,
): Promise<SnapshotFileDraft> {
  const draft = store.draft(snapshot, randomUUID());
  writeFileSync(draft.path, content);
  await draft.seal();
  return draft;
}

/** A claim by an operation of its own. */
export function makeVolumeClaim(volume: string, host = 'host-1'): VolumeClaim {
  return { volume, host, operationId: randomUUID(), kind: 'snapshot.create', since: '2026-01-02T03:04:05.678Z' };
}
