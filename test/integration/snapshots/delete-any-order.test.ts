import { afterEach, describe, expect, it } from 'vitest';
import type { SnapshotRecord } from '../../../src/model/snapshot/snapshot.ts';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import { planSnapshotDelete } from '../../../src/operations/plan-snapshot-delete.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type ChainFixture, createChainFixture, MIB, qemuImg, type Write } from './chain-fixture.ts';

const CLUSTER = 64 * 1024;
const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f'];

let fixture: ChainFixture;

afterEach(() => fixture.dispose());

/** mulberry32: the same numbers for the same seed. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function makeWrites(random: (below: number) => number, clusters: number): readonly Write[] {
  return Array.from({ length: 1 + random(5) }, () => {
    const offset = random(clusters - 1);
    const length = 1 + random(Math.min(24, clusters - offset));
    return { pattern: random(4) === 0 ? 0 : 1 + random(250), offset: offset * CLUSTER, length: length * CLUSTER };
  });
}

/** Mostly each on the one before, and some beside it. */
async function takeTree(random: (below: number) => number, facts: Partial<SnapshotRecord>): Promise<void> {
  for (const [index, letter] of LETTERS.entries()) {
    const below = LETTERS[Math.max(0, index - 1 - (random(3) === 0 ? 1 : 0))] ?? 'a';
    const parent = index === 0 ? {} : { parent: below };
    const writes = makeWrites(random, 128);
    await fixture.take({ letter, ...parent, writes, facts: { logicalBytes: 8 * MIB, ...facts } });
  }
}

describe('snapshots deleted in any order', () => {
  it.each([
    { seed: 1, facts: {} },
    { seed: 2, facts: {} },
    { seed: 3, facts: {} },
    { seed: 4, facts: { isCompressed: true } },
  ])('never change what the others hold: $seed $facts', async ({ seed, facts }) => {
    fixture = createChainFixture();
    const random = createRandom(seed);
    await takeTree(random, facts);
    const left = [...LETTERS];
    while (left.length > 0) {
      const [letter = 'a'] = left.splice(random(left.length), 1);
      const planned = await planSnapshotDelete(fixture.core(), fixture.idOf(letter));
      const operation = await runToEnd(fixture.core(), deleteSnapshot, {
        kind: 'snapshot.delete',
        snapshot: fixture.idOf(letter),
      });
      expect(operation).toMatchObject({ error: null, warnings: [] });
      expect(await fixture.changed(left)).toEqual([]);
      expect(await fixture.leftovers()).toEqual([]);
      const error = Math.abs((operation.result.freedBytes ?? 0) - planned.freedBytes);
      // what a file that shrank is copied with fills holes of whole clusters; compressed ones are estimated
      if (!('isCompressed' in facts)) expect(error).toBeLessThanOrEqual(16 * CLUSTER);
    }
    expect(await fixture.letters()).toEqual([]);
  });

  it.each([
    { sizes: [8, 16, 16], name: 'grew' },
    { sizes: [16, 8, 8], name: 'shrank' },
    { sizes: [16, 8, 16], name: 'shrank and grew' },
  ])('of a volume that $name', async ({ sizes }) => {
    fixture = createChainFixture();
    const facts = (index: number): Partial<SnapshotRecord> => ({ logicalBytes: (sizes[index] ?? 0) * MIB });
    await fixture.take({ letter: 'a', facts: facts(0), writes: [{ pattern: 1, offset: 0, length: 8 * MIB }] });
    await fixture.take({
      letter: 'b',
      parent: 'a',
      facts: facts(1),
      writes: [{ pattern: 2, offset: MIB, length: MIB }],
    });
    const end = (sizes[2] ?? 0) * MIB - MIB;
    await fixture.take({
      letter: 'c',
      parent: 'b',
      facts: facts(2),
      writes: [{ pattern: 3, offset: end, length: MIB }],
    });
    for (const letter of ['b', 'a']) {
      const request = { kind: 'snapshot.delete', snapshot: fixture.idOf(letter) } as const;
      expect((await runToEnd(fixture.core(), deleteSnapshot, request)).error).toBeNull();
      expect(await fixture.changed(await fixture.letters())).toEqual([]);
      expect(await fixture.leftovers()).toEqual([]);
    }
    expect(await fixture.record('c')).toMatchObject({ parent: null });
  });

  it('stay encrypted under their key', async () => {
    fixture = createChainFixture();
    const facts = { logicalBytes: 8 * MIB, isEncrypted: true };
    await fixture.take({ letter: 'a', facts, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
    await fixture.take({ letter: 'b', parent: 'a', facts, writes: [{ pattern: 2, offset: MIB, length: MIB }] });
    await fixture.take({ letter: 'c', parent: 'b', facts, writes: [{ pattern: 3, offset: 2 * MIB, length: MIB }] });
    const planned = await planSnapshotDelete(fixture.core(), fixture.idOf('b'));
    const operation = await runToEnd(fixture.core(), deleteSnapshot, {
      kind: 'snapshot.delete',
      snapshot: fixture.idOf('b'),
    });
    expect(operation.error).toBeNull();
    // a copy leaves holes where the key slots that nobody uses were written as zeroes
    const moreBytes = (operation.result.freedBytes ?? 0) - planned.freedBytes;
    expect(moreBytes).toBeGreaterThanOrEqual(0);
    expect(moreBytes).toBeLessThanOrEqual(2 * MIB);
    expect(await fixture.changed(['a', 'c'])).toEqual([]);
    expect(qemuImg('info', fixture.fileOf('c'))).toContain('encrypted: yes');
  });

  it('stay hidden as long as two need them, and go with the first of those', async () => {
    fixture = createChainFixture();
    const facts = { logicalBytes: 8 * MIB };
    await fixture.take({ letter: 'a', facts, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
    await fixture.take({ letter: 'b', parent: 'a', facts, writes: [{ pattern: 2, offset: MIB, length: MIB }] });
    await fixture.take({ letter: 'c', parent: 'a', facts, writes: [{ pattern: 3, offset: 2 * MIB, length: MIB }] });
    const remove = (letter: string) =>
      runToEnd(fixture.core(), deleteSnapshot, { kind: 'snapshot.delete', snapshot: fixture.idOf(letter) });
    expect(await planSnapshotDelete(fixture.core(), fixture.idOf('a'))).toMatchObject({
      freedBytes: 0,
      rewritten: [],
      isKeptHidden: true,
    });
    expect((await remove('a')).result.freedBytes).toBe(0);
    expect(await fixture.record('a')).toMatchObject({ isDeleted: true, exclusive: { bytes: 0 } });
    expect(await fixture.changed(['b', 'c'])).toEqual([]);
    const planned = await planSnapshotDelete(fixture.core(), fixture.idOf('b'));
    expect(planned).toMatchObject({ rewritten: [fixture.idOf('c')], isKeptHidden: false });
    expect((await remove('b')).result.freedBytes).toBe(planned.freedBytes);
    expect(await fixture.letters()).toEqual(['c']);
    expect(await fixture.changed(['c'])).toEqual([]);
  });

  it('say beforehand what deleting each would free', async () => {
    fixture = createChainFixture();
    const facts = { logicalBytes: 8 * MIB };
    await fixture.take({ letter: 'a', facts, writes: [{ pattern: 1, offset: 0, length: 4 * MIB }] });
    await fixture.take({ letter: 'b', parent: 'a', facts, writes: [{ pattern: 2, offset: MIB, length: MIB }] });
    await fixture.take({ letter: 'c', parent: 'b', facts, writes: [{ pattern: 3, offset: 0, length: 2 * MIB }] });
    await fixture.take({ letter: 'd', parent: 'c', facts, writes: [] });
    await runToEnd(fixture.core(), deleteSnapshot, { kind: 'snapshot.delete', snapshot: fixture.idOf('d') });
    for (const letter of ['a', 'b']) {
      const { freedBytes } = await planSnapshotDelete(fixture.core(), fixture.idOf(letter));
      expect((await fixture.record(letter)).exclusive?.bytes).toBe(freedBytes);
    }
    const { freedBytes } = await planSnapshotDelete(fixture.core(), fixture.idOf('c'));
    expect(freedBytes).toBe((await fixture.record('c')).storedBytes);
  });
});
