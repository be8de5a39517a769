import { serialiseSnapshotRecord } from '../../src/drivers/stores/documents/snapshot-record.ts';
import type { SnapshotRecord } from '../../src/model/snapshot/snapshot.ts';
import type { FakeSnapshotStore } from './fake-snapshot-store.ts';

export const SAMPLE_VOLUME = '11111111-1111-5111-8111-111111111111';

/** `letter` makes its id: one hexadecimal digit. */
export function sampleSnapshot(letter: string, facts: Partial<SnapshotRecord> = {}): SnapshotRecord {
  const at = '2026-11-01T00:00:00.000Z';
  return {
    id: `${letter.repeat(8)}-0000-4000-8000-000000000000`,
    volume: SAMPLE_VOLUME,
    instance: '22222222-2222-4222-8222-222222222222',
    instanceName: 'web',
    target: 'vda',
    setId: '33333333-3333-4333-8333-333333333333',
    createdAt: at,
    description: null,
    owner: null,
    shares: [],
    status: 'active',
    parent: null,
    method: 'full',
    reason: null,
    consistency: { requested: 'auto', achieved: 'quiesced', freezeMs: 20, pauseMs: 0 },
    logicalBytes: 1024 ** 3,
    sizeBytes: 1024 ** 2,
    storedBytes: 1024 ** 2,
    sha256: '0'.repeat(64),
    isCompressed: false,
    isEncrypted: false,
    volumeFormat: 'qcow2',
    checkpoint: null,
    headAt: at,
    isDeleted: false,
    exclusive: null,
    users: [],
    pending: null,
    ...facts,
  };
}

/** On record, without files. */
export function putSnapshot(store: FakeSnapshotStore, ...records: readonly SnapshotRecord[]): void {
  for (const record of records) store.putRecord(record, serialiseSnapshotRecord(record));
}
