import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import { planSnapshotDelete } from '../../../src/operations/plan-snapshot-delete.ts';
import { runToEnd } from '../../support/image-core.ts';
import { type ChainFixture, createChainFixture, MIB } from './chain-fixture.ts';

let fixture: ChainFixture;

beforeEach(() => {
  fixture = createChainFixture();
});
afterEach(() => fixture.dispose());

const request = (letter: string) => ({ kind: 'snapshot.delete', snapshot: fixture.idOf(letter) }) as const;

/** a, b on it, c on that, d on that, and e beside c. */
async function takeTree(): Promise<void> {
  await fixture.take({ letter: 'a', writes: [{ pattern: 1, offset: 0, length: 24 * MIB }] });
  await fixture.take({
    letter: 'b',
    parent: 'a',
    writes: [
      { pattern: 2, offset: 4 * MIB, length: 8 * MIB },
      { pattern: 0, offset: 16 * MIB, length: MIB },
    ],
  });
  await fixture.take({ letter: 'c', parent: 'b', writes: [{ pattern: 3, offset: 8 * MIB, length: 24 * MIB }] });
  await fixture.take({ letter: 'd', parent: 'c', writes: [{ pattern: 4, offset: 40 * MIB, length: 3 * MIB }] });
  await fixture.take({ letter: 'e', parent: 'b', writes: [{ pattern: 5, offset: 2 * MIB, length: 4 * MIB }] });
}

describe('snapshot delete', () => {
  it.each(['a', 'c', 'd', 'e'])(
    'frees what it said, and every other snapshot holds what it held: %s',
    async (letter) => {
      await takeTree();
      const others = ['a', 'b', 'c', 'd', 'e'].filter((each) => each !== letter);
      const planned = await planSnapshotDelete(fixture.core(), fixture.idOf(letter));
      const operation = await runToEnd(fixture.core(), deleteSnapshot, request(letter));
      expect(operation.error).toBeNull();
      expect(await fixture.letters()).toEqual(others);
      expect(await fixture.changed(others)).toEqual([]);
      expect(await fixture.leftovers()).toEqual([]);
      expect(operation.result.freedBytes).toBe(planned.freedBytes);
    },
  );
});
