import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectImageFile, listImages } from './support/captures.ts';
import { imageFilePath } from './support/images.ts';
import { createMount, type Mount } from './support/loop-mount.ts';
import { keepData, readDefinition } from './support/machine-record.ts';
import { createDarkroomHost, type DarkroomHost } from './support/run-darkroom.ts';
import {
  existing,
  expectNotShelved,
  expectOffloaded,
  listShelf,
  offload,
  shelve,
  showInstance,
  unshelve,
} from './support/shelf.ts';
import { defineTinyGuest, type Guest } from './support/tiny-guest.ts';
import { domainExists, domainState, listDisks } from './support/virsh.ts';

const TWO_DISKS = [
  { target: 'vda', format: 'qcow2' },
  { target: 'vdb', format: 'raw', sizeMiB: 64 },
] as const;

let mount: Mount;
let near: DarkroomHost;
let far: DarkroomHost;
beforeAll(async () => {
  mount = await createMount('ext4', 1024);
  near = await createDarkroomHost();
  far = await createDarkroomHost({ store: path.join(mount.path, 'store') });
});
afterAll(async () => {
  await near?.[Symbol.asyncDispose]();
  await far?.[Symbol.asyncDispose]();
  await mount?.[Symbol.asyncDispose]();
});

it('row 51: disks that stand alone on the file system of the store move there and back, the same files', async () => {
  await using guest = await defineTinyGuest({ disks: TWO_DISKS });
  await using data = await keepData(guest);
  const inodes = await inodesOf(guest);
  const owners = await ownersOf(guest);
  await shelve(near, guest.name);
  const image = await expectOffloaded(near, guest);
  expect(image.disks).toMatchObject([
    { target: 'vda', format: 'qcow2', sha256: null },
    { target: 'vdb', format: 'raw', sha256: null },
  ]);
  for (const [index, { target }] of guest.disks.entries()) {
    const moved = await stat(imageFilePath(near.store, image, target));
    expect([moved.ino, moved.nlink, moved.uid, moved.mode & 0o777]).toEqual([inodes[index], 1, 0, 0o440]);
  }
  await near.json(['image', 'verify', image.id]);
  await unshelve(near, guest.name);
  await expectNotShelved(near, guest);
  expect(await inodesOf(guest)).toEqual(inodes);
  expect(await ownersOf(guest)).toEqual(owners);
  await data.expectDisks();
});

it('row 51: disks elsewhere are copied to the store, with checksums, and come back in their formats', async () => {
  await using guest = await defineTinyGuest({ disks: TWO_DISKS });
  await using data = await keepData(guest);
  const owners = await ownersOf(guest);
  await shelve(far, guest.name);
  const image = await expectOffloaded(far, guest);
  const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/);
  expect(image.disks).toMatchObject([{ sha256 }, { sha256 }]);
  await far.json(['image', 'verify', image.id]);
  await unshelve(far, guest.name);
  await expectNotShelved(far, guest);
  await data.expectDisks();
  expect(await ownersOf(guest)).toEqual(owners);
});

describe('a disk on a base', () => {
  it.each(['near', 'far'])(
    'comes back standing alone with the same content, its base untouched: store %s',
    async (where) => {
      const darkroom = where === 'near' ? near : far;
      await using guest = await defineTinyGuest({
        disks: [{ target: 'vda', format: 'qcow2', backing: true }, TWO_DISKS[1]],
      });
      await using data = await keepData(guest);
      const base = path.join(guest.folder, 'vda-base.qcow2');
      const before = await readFile(base);
      await shelve(darkroom, guest.name);
      const image = await expectOffloaded(darkroom, guest);
      expect((await inspectImageFile(darkroom.store, image, 'vda'))['backing-filename']).toBeUndefined();
      expect((await readFile(base)).equals(before), 'the base').toBe(true);
      await unshelve(darkroom, guest.name);
      await expectNotShelved(darkroom, guest);
      await data.expectDisks();
      const [top = ''] = [...(await listDisks(guest)).values()];
      expect(
        (await readFile(top)).subarray(8, 16).every((byte) => byte === 0),
        'no backing file',
      ).toBe(true);
      await guest.boot();
    },
  );
});

describe('row 39: left on its host until it is offloaded', () => {
  it('row 37, row 40: has no image yet where its disks will move, and one image after', async () => {
    await using guest = await defineTinyGuest({ disks: TWO_DISKS });
    await using data = await keepData(guest);
    const inodes = await inodesOf(guest);
    expect(await shelve(near, guest.name, ['--no-offload'])).toMatchObject({ state: 'shelved' });
    expect(await domainState(guest)).toBe('shut off');
    expect(await showInstance(near, guest.name)).toMatchObject({ state: 'shelved', host: expect.any(String) });
    expect((await listImages(near)).map(({ name }) => name)).not.toContain(`${guest.name}-shelved`);
    expect(await inodesOf(guest)).toEqual(inodes);
    expect(await offload(near, guest.name)).toMatchObject({ state: 'shelved_offloaded', host: null });
    await expectOffloaded(near, guest);
    await unshelve(near, guest.name);
    await expectNotShelved(near, guest);
    await data.expectDisks();
  });

  it('row 37: has its image at once where its disks are copied, still one after the offload', async () => {
    await using guest = await defineTinyGuest({ disks: TWO_DISKS });
    await shelve(far, guest.name, ['--no-offload']);
    const names = async () => (await listImages(far)).map(({ name }) => name);
    expect(await names()).toEqual([`${guest.name}-shelved`]);
    expect(await domainExists(guest)).toBe(true);
    await offload(far, guest.name);
    await expectOffloaded(far, guest);
    expect(await names()).toEqual([`${guest.name}-shelved`]);
    await unshelve(far, guest.name);
    expect(await names()).toEqual([]);
  });

  it.each(['near', 'far'])(
    'row 43: starts in place when it is unshelved instead, nothing is rebuilt: store %s',
    async (where) => {
      const darkroom = where === 'near' ? near : far;
      await using guest = await defineTinyGuest({ disks: TWO_DISKS });
      await guest.boot();
      const before = await readDefinition(guest);
      const inodes = await inodesOf(guest);
      await shelve(darkroom, guest.name, ['--no-offload']);
      expect(await domainState(guest)).toBe('shut off');
      expect(await unshelve(darkroom, guest.name)).toMatchObject({ state: 'active' });
      await expectNotShelved(darkroom, guest);
      expect(await inodesOf(guest)).toEqual(inodes);
      expect(await readDefinition(guest)).toEqual(before);
    },
  );
});

it('comes back with its disks in another folder where one is named', async () => {
  await using guest = await defineTinyGuest({ disks: TWO_DISKS });
  await using data = await keepData(guest);
  const elsewhere = path.join(guest.folder, 'elsewhere');
  await mkdir(elsewhere, { mode: 0o711 });
  await shelve(near, guest.name);
  await expectOffloaded(near, guest);
  await unshelve(near, guest.name, ['--disk-dir', elsewhere]);
  await expectNotShelved(near, guest);
  const moved = guest.disks.map((disk) => ({ ...disk, path: path.join(elsewhere, path.basename(disk.path)) }));
  expect(await listDisks(guest)).toEqual(new Map(moved.map((disk) => [disk.target, disk.path])));
  await data.expectDisks(moved);
  expect(await existing(guest.disks.map((disk) => disk.path))).toEqual([]);
  await guest.boot();
});

it('leaves an empty shelf', async () => {
  expect([await listShelf(near.store), await listShelf(far.store)]).toEqual([[], []]);
});

function inodesOf(guest: Guest): Promise<readonly number[]> {
  return Promise.all(guest.disks.map(async (disk) => (await stat(disk.path)).ino));
}

function ownersOf(guest: Guest): Promise<readonly string[]> {
  return Promise.all(
    guest.disks.map(async (disk) => {
      const { uid, gid, mode } = await stat(disk.path);
      return `${uid}:${gid} ${(mode & 0o777).toString(8)}`;
    }),
  );
}
