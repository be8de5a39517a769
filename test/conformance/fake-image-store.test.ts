import { createFakeImageStore } from '../support/fake-image-store.ts';
import { describeImageStore } from './image-store.ts';

describeImageStore('the image store in memory, for tests of use cases', async () => {
  const store = createFakeImageStore();
  return { store, dispose: async () => store.dispose() };
});
