import { createFakeJournal, createFakeLocks } from '../support/fake-journal.ts';
import { describeJournal, describeLockTable, type MakeState } from './journal.ts';

const makeState: MakeState = (isAlive) => ({
  journal: createFakeJournal(),
  locks: createFakeLocks(isAlive),
  dispose: () => undefined,
});

describeJournal('the journal in memory, for tests of use cases', makeState);
describeLockTable('the locks in memory, for tests of use cases', makeState);
