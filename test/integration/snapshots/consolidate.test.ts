import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listAncestry } from '../../../src/model/snapshot/lineage.ts';
import { consolidateSnapshots } from '../../../src/operations/consolidate-snapshots.ts';
import { listDueConsolidations } from '../../../src/operations/list-due-consolidations.ts';
import { runToEnd } from '../../support/image-core.ts';
import { SAMPLE_VOLUME } from '../../support/sample-snapshots.ts';
import { type ChainFixture, createChainFixture, MIB, qemuImg } from './chain-fixture.ts';

const LETTERS = ['a', 'b', 'c', 'd', 'e', 'f', '7'];
const REQUEST = { kind: 'snapshot.consolidate', volume: SAMPLE_VOLUME } as const;
const LIMITS = { maxChain: 3 };

let fixture: ChainFixture;

beforeEach(() => {
  fixture = createChainFixture();
});
afterEach(() => fixture.dispose());

async function takeChain(): Promise<void> {
  for (const [index, letter] of LETTERS.entries()) {
    const parent = LETTERS[index - 1];
    await fixture.take({
      letter,
      ...(parent === undefined ? {} : { parent }),
      writes: [{ pattern: index + 1, offset: index * MIB, length: 2 * MIB }],
      facts: { logicalBytes: 16 * MIB },
    });
  }
}

async function chainLengths(): Promise<readonly number[]> {
  const { snapshots } = await fixture.snapshots.list();
  return snapshots.map(({ id }) => listAncestry(snapshots, id).length).sort();
}

describe('snapshot consolidate', () => {
  it('shortens chains, and every snapshot holds what it held', async () => {
    await takeChain();
    const core = fixture.core({}, LIMITS);
    expect(await listDueConsolidations(core)).toEqual([SAMPLE_VOLUME]);
    const operation = await runToEnd(core, consolidateSnapshots, REQUEST);
    expect(operation).toMatchObject({ error: null, warnings: [] });
    expect(await chainLengths()).toEqual([1, 1, 1, 2, 2, 3, 3]);
    expect(await fixture.changed(LETTERS)).toEqual([]);
    expect(await fixture.leftovers()).toEqual([]);
    expect(await listDueConsolidations(core)).toEqual([]);
  });

  it.each([{ isCompressed: true }, { isEncrypted: true }])('leaves it as it was kept: %o', async (facts) => {
    const shape = { logicalBytes: 16 * MIB, ...facts };
    await fixture.take({ letter: 'a', facts: shape, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
    await fixture.take({ letter: 'b', parent: 'a', facts: shape, writes: [{ pattern: 2, offset: MIB, length: MIB }] });
    const operation = await runToEnd(fixture.core({}, { maxChain: 1 }), consolidateSnapshots, REQUEST);
    expect(operation).toMatchObject({ error: null, warnings: [] });
    expect(await fixture.record('b')).toMatchObject({ parent: null, ...facts });
    expect(await fixture.changed(['a', 'b'])).toEqual([]);
    expect(qemuImg('info', fixture.fileOf('b')).includes('encrypted: yes')).toBe('isEncrypted' in facts);
    if ('isCompressed' in facts) expect((await fixture.record('b')).storedBytes).toBeLessThan(MIB);
  });

  it('clears away what is hidden and no longer needed', async () => {
    await takeChain();
    for (const letter of ['b', '7']) {
      await fixture.snapshots.update({ ...(await fixture.record(letter)), isDeleted: true });
    }
    const core = fixture.core();
    expect(await listDueConsolidations(core)).toEqual([SAMPLE_VOLUME]);
    const operation = await runToEnd(core, consolidateSnapshots, REQUEST);
    expect(operation.result.freedBytes).toBeGreaterThan(2 * MIB);
    expect(await fixture.letters()).toEqual(['a', 'c', 'd', 'e', 'f']);
    expect(await fixture.changed(['a', 'c', 'd', 'e', 'f'])).toEqual([]);
    expect(await listDueConsolidations(core)).toEqual([]);
  });

  it('leaves a chain that a thin volume stands on as it is', async () => {
    await takeChain();
    const users = [{ host: 'host-b', path: '/instances/thin.qcow2', since: '2026-11-21T00:00:00.000Z' }];
    await fixture.snapshots.update({ ...(await fixture.record('7')), users });
    const core = fixture.core({}, LIMITS);
    expect(await listDueConsolidations(core)).toEqual([]);
    await runToEnd(core, consolidateSnapshots, REQUEST);
    expect(await chainLengths()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('leaves one that somebody reads for another time', async () => {
    await takeChain();
    const core = fixture.core({}, LIMITS);
    const claim = { operationId: 'reader', kind: 'snapshot.mount', owner: core.processes.self };
    await core.locks.tryAcquire([`snapshot:${fixture.idOf('d')}#shared:reader`], claim);
    expect((await runToEnd(core, consolidateSnapshots, REQUEST)).error).toBeNull();
    expect((await fixture.record('d')).parent).toBe(fixture.idOf('c'));
    expect(await listDueConsolidations(core)).toEqual([SAMPLE_VOLUME]);
  });

  it('makes nothing of a damaged chain', async () => {
    await takeChain();
    writeFileSync(fixture.fileOf('b'), 'x', { flag: 'a' });
    const operation = await runToEnd(fixture.core({}, LIMITS), consolidateSnapshots, REQUEST);
    expect(operation.error?.code).toBe('SNAPSHOT_DAMAGED');
    expect((await fixture.record('d')).parent).toBe(fixture.idOf('c'));
    expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toBeNull();
  });
});
