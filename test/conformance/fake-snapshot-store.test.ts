import { rmSync } from 'node:fs';
import { createFakeSnapshotStore } from '../support/fake-snapshot-store.ts';
import { describeSnapshotStore } from './snapshot-store.ts';

describeSnapshotStore('the snapshots in memory, for tests of use cases', async () => {
  const store = createFakeSnapshotStore();
  return {
    store,
    other: store,
    nextDoor: store,
    putRecord: async (key, content) => store.putRecord(key, content),
    loseFile: async (key) => rmSync(store.filePath(key)),
    dispose: async () => store.dispose(),
  };
});
