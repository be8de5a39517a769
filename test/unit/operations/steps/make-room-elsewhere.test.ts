import { describe, expect, it } from 'vitest';
import { DarkroomError } from '../../../../src/model/errors.ts';
import type { StoreUpkeep } from '../../../../src/model/ports/stores.ts';
import { checkSpace } from '../../../../src/operations/steps/check-space.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { createFakeFiles } from '../../../support/fake-host.ts';
import { createFakeImageStore } from '../../../support/fake-image-store.ts';
import { createFakeUpkeep } from '../../../support/fake-stores.ts';
import { createImageCore } from '../../../support/image-core.ts';
import { makeImage, publishImage } from '../../../support/sample-images.ts';

const ID = '3f1c1d5e-5a6b-4c7d-8e9f-000000000001';
const NOTE = {
  deletedAt: '2026-01-01T00:00:00.000Z',
  deletedBy: null,
  expiresAt: '2126-01-01T00:00:00.000Z',
};

/** 100 bytes are free; 10 more than that are wanted. */
async function makeHost({ canFree, device = 1 }: { readonly canFree: number; readonly device?: number }) {
  const images = createFakeImageStore();
  await publishImage(images, makeImage(ID));
  await images.recycleImage(ID, NOTE);
  const files = createFakeFiles();
  files.freeBytesOnDisk = 100;
  files.declare(images.rootPath, { device });
  const asked: number[] = [];
  const upkeep: StoreUpkeep = {
    ...createFakeUpkeep(),
    freeCache: async (wantedBytes) => {
      asked.push(wantedBytes);
      files.freeBytesOnDisk += canFree;
      return canFree;
    },
  };
  const core = createImageCore({ store: { ...images, keepsFilesHere: false }, files, upkeep });
  return { core, images, asked, check: () => checkSpace(core, [{ path: '/tmp', bytes: 110, what: 'the disk' }]) };
}

describe('room on a host whose store is elsewhere', () => {
  it('is made of copies, and of no deleted image, which would free nothing here', async () => {
    const { asked, images, check } = await makeHost({ canFree: 10 });
    await check();
    expect(asked).toEqual([10]);
    expect((await images.listRecycled()).recycled).toHaveLength(1);
  });

  it('is refused where copies are not enough, cannot be dropped, or lie on another file system', async () => {
    await expectFailure((await makeHost({ canFree: 9 })).check(), 'NO_SPACE');
    const elsewhere = await makeHost({ canFree: 10, device: 2 });
    await expectFailure(elsewhere.check(), 'NO_SPACE');
    expect(elsewhere.asked).toEqual([]);
    const { core } = await makeHost({ canFree: 10 });
    const freeCache = () => Promise.reject(new DarkroomError('STORE_UNUSABLE', 'unreadable'));
    const broken = { ...core, upkeep: { ...core.upkeep, freeCache } };
    await expectFailure(checkSpace(broken, [{ path: '/tmp', bytes: 110, what: 'the disk' }]), 'NO_SPACE');
  });
});
