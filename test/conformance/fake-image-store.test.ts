import { createFakeImageStore } from '../support/fake-image-store.ts';
import { describeImageStore } from './image-store.ts';
import { describeRecycling } from './recycled-images.ts';

describeImageStore('the image store in memory, for tests of use cases', async () => {
  const store = createFakeImageStore();
  return { store, dispose: async () => store.dispose() };
});

describeRecycling('the image store in memory', async () => {
  const store = createFakeImageStore();
  return { store, dispose: async () => store.dispose() };
});
