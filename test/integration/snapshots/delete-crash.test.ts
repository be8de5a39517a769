import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { deleteSnapshot } from '../../../src/operations/delete-snapshot.ts';
import { RECOVERY } from '../../../src/operations/recovery-table.ts';
import type { Core } from '../../../src/operations/support/context.ts';
import { OperationRunner } from '../../../src/operations/support/operation-runner.ts';
import { recoverOperations } from '../../../src/operations/support/recover-operations.ts';
import { createFakeProcesses } from '../../support/fake-host.ts';
import { createFakeJournal, createFakeLocks } from '../../support/fake-journal.ts';
import { runToEnd } from '../../support/image-core.ts';
import { SAMPLE_VOLUME } from '../../support/sample-snapshots.ts';
import { type ChainFixture, createChainFixture, MIB } from './chain-fixture.ts';
import { makeDying } from './dying-core.ts';

const SMALL = { logicalBytes: 8 * MIB };
const MAX_CHANGES = 60;

/** Taken once, and copied for every death. */
let origin: ChainFixture;
let fixture: ChainFixture;

beforeAll(takeChain);
afterAll(() => origin.dispose());
afterEach(() => fixture.dispose());

/** a, b on it, c on that, and d on that. */
async function takeChain(): Promise<void> {
  origin = createChainFixture();
  await origin.take({ letter: 'a', facts: SMALL, writes: [{ pattern: 1, offset: 0, length: 2 * MIB }] });
  await origin.take({ letter: 'b', parent: 'a', facts: SMALL, writes: [{ pattern: 2, offset: MIB, length: 2 * MIB }] });
  await origin.take({
    letter: 'c',
    parent: 'b',
    facts: SMALL,
    writes: [{ pattern: 3, offset: 2 * MIB, length: 2 * MIB }],
  });
  await origin.take({ letter: 'd', parent: 'c', facts: SMALL, writes: [{ pattern: 4, offset: 5 * MIB, length: MIB }] });
}

function copyChain(): void {
  fixture = createChainFixture();
  execFileSync('cp', ['-a', `${origin.root}/.`, fixture.root]);
}

/** The world of a process that died in the nth change of a delete; null when the delete had fewer. */
async function dieIn(letter: string, death: { readonly at: number; readonly isAfter: boolean }): Promise<Core | null> {
  const processes = createFakeProcesses(1000);
  const journal = createFakeJournal();
  const core = fixture.core({ processes, journal, locks: createFakeLocks((who) => processes.isAlive(who)) });
  const dying = makeDying(core, death);
  const runner = new OperationRunner(dying.core);
  await runner
    .start(deleteSnapshot, { kind: 'snapshot.delete', snapshot: fixture.idOf(letter) })
    .catch(() => undefined);
  await runner.drain().catch(() => undefined);
  processes.living.delete(1000);
  const next = createFakeProcesses(2000);
  const alive = { ...core, processes: next, locks: createFakeLocks((who) => next.isAlive(who)) };
  return dying.isDead() ? alive : null;
}

describe('a delete whose process dies', () => {
  it.each([
    { letter: 'b', isAfter: false },
    { letter: 'b', isAfter: true },
    { letter: 'd', isAfter: true },
  ])('leaves all others whole at every instant, and is finished by recovery: %o', async ({ letter, isAfter }) => {
    const others = ['a', 'b', 'c', 'd'].filter((each) => each !== letter);
    let deaths = 0;
    for (let at = 1; at <= MAX_CHANGES; at += 1) {
      copyChain();
      const core = await dieIn(letter, { at, isAfter });
      expect({ at, changed: await fixture.changed(others) }).toEqual({ at, changed: [] });
      if (core === null) break;
      deaths += 1;
      const begun = await core.journal.list({ isUnsettled: true });
      await recoverOperations(core, RECOVERY);
      const expected = begun.length > 0 || !(await fixture.letters()).includes(letter) ? others : ['a', 'b', 'c', 'd'];
      expect({ at, letters: await fixture.letters() }).toEqual({ at, letters: expected });
      expect({ at, changed: await fixture.changed(expected) }).toEqual({ at, changed: [] });
      expect({ at, left: await fixture.leftovers() }).toEqual({ at, left: [] });
      expect(await core.journal.list({ isUnsettled: true })).toEqual([]);
      expect(await core.locks.list()).toEqual([]);
      expect(await fixture.snapshots.readClaim(SAMPLE_VOLUME)).toBeNull();
      fixture.dispose();
    }
    expect(deaths).toBeGreaterThan(5);
    expect(deaths).toBeLessThan(MAX_CHANGES);
  });

  it('and whose journal is lost: whoever works on the volume next settles what it began', async () => {
    for (let at = 1; at <= MAX_CHANGES; at += 1) {
      copyChain();
      const core = await dieIn('b', { at, isAfter: true });
      if (core === null) break;
      const fresh = { ...core, journal: createFakeJournal() };
      const isThere = (await fixture.letters()).includes('b');
      const kept = isThere ? ['a', 'b', 'd'] : ['a', 'd'];
      const operation = await runToEnd(fresh, deleteSnapshot, { kind: 'snapshot.delete', snapshot: fixture.idOf('c') });
      expect({ at, error: operation.error }).toEqual({ at, error: null });
      expect({ at, letters: await fixture.letters() }).toEqual({ at, letters: kept });
      expect({ at, changed: await fixture.changed(kept) }).toEqual({ at, changed: [] });
      const records = (await fixture.snapshots.list()).snapshots;
      expect(records.every(({ pending }) => pending === null)).toBe(true);
      fixture.dispose();
    }
  });
});
