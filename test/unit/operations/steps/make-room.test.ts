import { afterEach, beforeEach, expect, it } from 'vitest';
import { DarkroomError } from '../../../../src/model/errors.ts';
import { checkSpace } from '../../../../src/operations/steps/check-space.ts';
import type { Core } from '../../../../src/operations/support/context.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { createFakeFiles, type FakeHostFiles } from '../../../support/fake-host.ts';
import { createFakeImageStore, type FakeImageStore } from '../../../support/fake-image-store.ts';
import { makeFaulty } from '../../../support/faulty.ts';
import { createImageCore } from '../../../support/image-core.ts';
import { makeImage, publishImage } from '../../../support/sample-images.ts';
import { collectLog } from '../../../support/served-host.ts';

const IDS = [1, 2, 3].map((number) => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`);
const [OLDEST = '', MIDDLE = '', NEWEST = ''] = IDS;
const SIZE = 100;

let store: FakeImageStore;
let files: FakeHostFiles;
/** What is free with all of the images there. */
let freeBytes: number;

beforeEach(async () => {
  store = createFakeImageStore();
  freeBytes = 50;
  for (const id of [MIDDLE, NEWEST, OLDEST]) {
    await publishImage(store, makeImage(id, { sizeBytes: SIZE }));
    const deletedAt = `2026-01-0${IDS.indexOf(id) + 1}T00:00:00.000Z`;
    await store.recycleImage(id, { deletedAt, deletedBy: null, expiresAt: '2026-02-01T00:00:00.000Z' });
  }
  files = createFakeFiles();
  files.declare('/elsewhere', { kind: 'directory', device: 99 });
  files.freeBytes = async () => freeBytes + SIZE * (IDS.length - (await recycledIds()).length);
});
afterEach(() => store.dispose());

async function recycledIds(): Promise<readonly string[]> {
  return (await store.listRecycled()).recycled.map(({ id }) => id);
}

function need(bytes: number, path = store.rootPath) {
  return [{ path, bytes, what: 'the image' }];
}

function makeCore(parts: Partial<Core> = {}): Core {
  return createImageCore({ store, files, ...parts });
}

it('leaves deleted images alone while there is room', async () => {
  await checkSpace(makeCore(), need(50));
  expect(await recycledIds()).toEqual(IDS);
});

it('purges those that were deleted first, as many as are needed, and logs each', async () => {
  const { logger, lines } = collectLog();
  await checkSpace(makeCore({ log: logger }), need(151));
  expect(await recycledIds()).toEqual([NEWEST]);
  expect(lines).toMatchObject([
    { level: 'warn', imageId: OLDEST },
    { level: 'warn', imageId: MIDDLE },
  ]);
});

it('counts the reserve as room that is needed', async () => {
  await checkSpace(createImageCore({ store, files }, { reserveBytes: 60 }), need(50));
  expect(await recycledIds()).toEqual([MIDDLE, NEWEST]);
});

it('purges nothing where all of them together are not enough', async () => {
  const error = await expectFailure(checkSpace(makeCore(), need(351)), 'NO_SPACE');
  expect(error).toMatchObject({ fields: { neededBytes: 351, freeBytes: 50 } });
  expect(await recycledIds()).toEqual(IDS);
});

it('purges nothing for another file system', async () => {
  await expectFailure(checkSpace(makeCore(), need(100, '/elsewhere/disk')), 'NO_SPACE');
  expect(await recycledIds()).toEqual(IDS);
});

it('waits a moment for a file system that frees late, instead of purging another', async () => {
  const freeNow = files.freeBytes;
  let measurements = 0;
  files.freeBytes = async (place) => (++measurements < 4 ? freeBytes : await freeNow(place));
  await checkSpace(makeCore(), need(120));
  expect(await recycledIds()).toEqual([MIDDLE, NEWEST]);
});

it('goes on with the next where one cannot be purged, or frees nothing', async () => {
  const faulty = makeFaulty(store);
  faulty.failOn('purgeRecycled', new DarkroomError('STORE_WRITE_FAILED', 'broken'));
  await checkSpace(makeCore({ store: faulty.port }), need(100));
  expect(await recycledIds()).toEqual([OLDEST, NEWEST]);
});

it('is NO_SPACE as before where deleted images cannot be listed', async () => {
  const faulty = makeFaulty(store);
  faulty.failOn('listRecycled', new DarkroomError('STORE_UNUSABLE', 'broken'));
  await expectFailure(checkSpace(makeCore({ store: faulty.port }), need(100)), 'NO_SPACE');
});
