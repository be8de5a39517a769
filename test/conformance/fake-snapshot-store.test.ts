import { createFakeSnapshotStore } from '../support/fake-snapshot-store.ts';
import { describeSnapshotStore } from './snapshot-store.ts';

describeSnapshotStore('the snapshots in memory, for tests of use cases', async () => {
  const store = createFakeSnapshotStore();
  return { store, other: store, putRecord: store.putRecord, dispose: async () => store.dispose() };
});
