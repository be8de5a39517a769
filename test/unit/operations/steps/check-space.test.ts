import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkQuota } from '../../../../src/operations/steps/check-quota.ts';
import { checkSpace } from '../../../../src/operations/steps/check-space.ts';
import { expectFailure } from '../../../support/expect-failure.ts';
import { createFakeFiles, type FakeHostFiles } from '../../../support/fake-host.ts';
import { createFakeImageStore, type FakeImageStore } from '../../../support/fake-image-store.ts';
import { createImageCore, NO_QUOTA } from '../../../support/image-core.ts';
import { makeImage, publishImage } from '../../../support/sample-images.ts';

const MIB = 1024 ** 2;
const IDS = [1, 2].map((number) => `3f1c1d5e-5a6b-4c7d-8e9f-00000000000${number}`);

let files: FakeHostFiles;
let store: FakeImageStore;

beforeEach(() => {
  files = createFakeFiles();
  store = createFakeImageStore();
});

afterEach(() => store.dispose());

/** Two file systems, each with as much free as is said. */
function onTwoFileSystems(free: Readonly<Record<string, number>>): FakeHostFiles {
  const folder = { kind: 'directory' } as const;
  files.declare('/store', { ...folder, device: 11 });
  files.declare('/vms', { ...folder, device: 22 });
  return { ...files, freeBytes: async (place) => free[place] ?? 0 };
}

it('adds up what is wanted of one file system, and counts each by itself', async () => {
  const core = createImageCore({ files: onTwoFileSystems({ '/store': 30 * MIB, '/vms': 10 * MIB }) });
  const needs = [
    { path: '/store/images/x/disk', bytes: 10 * MIB, what: 'the image' },
    { path: '/store/overlay', bytes: 20 * MIB, what: 'the overlay' },
    { path: '/vms/overlay', bytes: 10 * MIB, what: 'the overlay' },
  ];
  await checkSpace(core, needs);
  const one = { path: '/store/more', bytes: 1, what: 'a bit more' };
  const error = await expectFailure(checkSpace(core, [...needs, one]), 'NO_SPACE');
  expect(error.message).toContain('the image and the overlay and a bit more');
  expect(error).toMatchObject({ fields: { path: '/store', neededBytes: 30 * MIB + 1, freeBytes: 30 * MIB } });
});

it('leaves the reserve alone on each file system', async () => {
  const parts = { files: onTwoFileSystems({ '/store': 30 * MIB }) };
  const needs = [{ path: '/store/x', bytes: 20 * MIB, what: 'the image' }];
  await checkSpace(createImageCore(parts, { reserveBytes: 10 * MIB }), needs);
  const error = await expectFailure(
    checkSpace(createImageCore(parts, { reserveBytes: 10 * MIB + 1 }), needs),
    'NO_SPACE',
  );
  expect(error.message).toContain('20.0 MiB needed, 30.0 MiB free');
});

it('lets one more image in up to the limit, and counts those in the making and those that are damaged', async () => {
  const limited = (maxImages: number) => createImageCore({ store }, { quota: { ...NO_QUOTA, maxImages } });
  await publishImage(store, makeImage(IDS[0] ?? ''));
  await checkQuota(limited(2), 0);
  await store.createDraft(IDS[1] ?? '');
  await expectFailure(checkQuota(limited(2), 0), 'QUOTA_EXCEEDED');
  await checkQuota(limited(3), 0);
  store.breakImage(IDS[0] ?? '', 'broken');
  await expectFailure(checkQuota(limited(2), 0), 'QUOTA_EXCEEDED');
});

it('counts the bytes of the images that there are and those that are planned', async () => {
  await publishImage(store, makeImage(IDS[0] ?? ''));
  const limited = (maxImageBytes: number) => createImageCore({ store }, { quota: { ...NO_QUOTA, maxImageBytes } });
  await checkQuota(limited(14 + 100), 100);
  const error = await expectFailure(checkQuota(limited(14 + 99), 100), 'QUOTA_EXCEEDED');
  expect(error).toMatchObject({ fields: { usedBytes: 14, plannedBytes: 100, maxImageBytes: 113 } });
});
