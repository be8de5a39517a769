import { describe, expect, it } from 'vitest';
import { listDown } from '../../../../src/model/snapshot/lineage.ts';
import { planDelete } from '../../../../src/model/snapshot/plan-delete.ts';
import type { SnapshotRecord } from '../../../../src/model/snapshot/snapshot.ts';
import { indexSnapshots, knownExclusive } from '../../../../src/model/snapshot/snapshot-index.ts';
import { calmestMs } from '../../../support/calmest.ts';
import { sampleSnapshot } from '../../../support/sample-snapshots.ts';
import { createDice } from './dice.ts';

const USER = { host: 'host-a', path: '/srv/thin.qcow2', since: '2026-11-01T00:00:00.000Z' };
const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((letter) => sampleSnapshot(letter));
if (A === undefined || B === undefined || C === undefined || D === undefined) throw new Error('four samples');
const MIB = A.storedBytes;

function exclusiveOf(record: SnapshotRecord, ...others: readonly SnapshotRecord[]): number | null {
  return knownExclusive(indexSnapshots([record, ...others]), record);
}

describe('what deleting a snapshot would free, as far as it is known', () => {
  const child = (record: SnapshotRecord, facts: Partial<SnapshotRecord> = {}) => ({
    ...record,
    parent: A.id,
    ...facts,
  });
  const noted = { ...A, exclusive: { children: [B.id], bytes: 5 } };

  it.each([
    ['all of it where nothing stands on it', exclusiveOf(A), MIB],
    ['all of it where it stands on one that stays', exclusiveOf(child(B), A), MIB],
    ['nothing where several stand on it', exclusiveOf(A, child(B), child(C)), 0],
    ['what is on record for its child', exclusiveOf(noted, child(B)), 5],
    ['not known where nothing is on record', exclusiveOf(A, child(B)), null],
    ['not known where the record is of another child', exclusiveOf(noted, child(C)), null],
    ['nothing where a volume stands on it', exclusiveOf({ ...A, users: [USER] }), 0],
    ['nothing where a volume stands on one above it', exclusiveOf(noted, child(B, { users: [USER] })), 0],
    ['a hidden one too that nobody else needs', exclusiveOf(child(B), { ...A, isDeleted: true }), 2 * MIB],
    [
      'not that of a hidden one that several need',
      exclusiveOf(child(B), { ...A, isDeleted: true }, child(C), child(D)),
      MIB,
    ],
    [
      'not known where a hidden one moves into another',
      exclusiveOf(child(B), { ...A, isDeleted: true }, child(C)),
      null,
    ],
    [
      'not that of a hidden one that a volume stands on',
      exclusiveOf(child(B), { ...A, isDeleted: true, users: [USER] }),
      MIB,
    ],
  ])('%s', (_title, seen, expected) => {
    expect(seen).toBe(expected);
  });

  it('is what the plan of the delete says, for any tree', () => {
    const dice = createDice(20261121);
    for (let round = 0; round < 300; round += 1) {
      const records = growTree(dice);
      const index = indexSnapshots(records);
      for (const record of records.filter(({ isDeleted }) => !isDeleted)) {
        expect(knownExclusive(index, record)).toBe(planned(records, record.id));
      }
    }
  });
});

/** As deletes leave trees: no hidden one that could have gone. */
function growTree(dice: ReturnType<typeof createDice>): readonly SnapshotRecord[] {
  const count = 1 + dice.below(10);
  let records: SnapshotRecord[] = [];
  for (let number = 0; number < count; number += 1) {
    const parent = number === 0 || dice.below(8) === 0 ? null : (records[dice.below(records.length)]?.id ?? null);
    const users = dice.below(8) === 0 ? [USER] : [];
    records.push({ ...sampleSnapshot(number.toString(16), { parent, users }), storedBytes: 2 ** number });
  }
  for (const { id } of records.filter(() => dice.below(3) === 0)) {
    const { steps, hidden } = planDelete(records, id);
    if (hidden && steps.length === 0)
      records = records.map((each) => (each.id === id ? { ...each, isDeleted: true } : each));
  }
  return records;
}

function planned(records: readonly SnapshotRecord[], id: string): number | null {
  const { steps } = planDelete(records, id);
  if (steps.some(({ kind }) => kind === 'merge')) return null;
  const gone = steps.flatMap((step) => (step.kind === 'remove' ? [step.id] : []));
  return records.filter((each) => gone.includes(each.id)).reduce((sum, { storedBytes }) => sum + storedBytes, 0);
}

it('walks down to the one that stands alone, and stops where records contradict each other', () => {
  const down = (...records: readonly SnapshotRecord[]) =>
    listDown(indexSnapshots(records).byId, records[0] ?? A).map(({ id }) => id);
  expect(down({ ...C, parent: B.id }, { ...B, parent: A.id }, A)).toEqual([C.id, B.id, A.id]);
  expect(down({ ...C, parent: B.id })).toEqual([C.id]);
  expect(down({ ...A, parent: B.id }, { ...B, parent: A.id })).toEqual([A.id, B.id]);
});

it('is quick for a thousand snapshots of one chain', async () => {
  const id = (number: number) => `${number.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
  const records = Array.from({ length: 1000 }, (_, number) =>
    sampleSnapshot('a', { id: id(number), parent: number % 30 === 0 ? null : id(number - 1) }),
  );
  const work = (): void => {
    const index = indexSnapshots(records);
    for (const record of records) knownExclusive(index, record);
  };
  expect(await calmestMs(200, work)).toBeLessThan(200);
});
