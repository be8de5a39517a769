import { createFakeImageStore } from '../support/fake-image-store.ts';
import { describeImageStore, type StoreUnderTest } from './image-store.ts';
import { describeRecycling, describeRecyclingApart } from './recycled-images.ts';

describeImageStore('the image store in memory, for tests of use cases', async () => {
  const store = createFakeImageStore();
  return { store, dispose: async () => store.dispose() };
});

async function makeStore(): Promise<StoreUnderTest> {
  const store = createFakeImageStore();
  return { store, dispose: async () => store.dispose() };
}

describeRecycling('the image store in memory', makeStore);
describeRecyclingApart('the image store in memory', makeStore);
