import { createFakeShelf } from '../support/fake-shelf.ts';
import { describeShelf } from './shelf.ts';

describeShelf('the shelf in memory, for tests of use cases', async () => {
  const shelf = createFakeShelf();
  return {
    shelf,
    other: shelf,
    putRecord: async (id, content) => shelf.putRecord(id, content),
    dispose: async () => undefined,
  };
});
