import { createHash } from 'node:crypto';
import {
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { DarkroomError, type ErrorCode } from '../../src/model/errors.ts';
import type { Image, ImageUser } from '../../src/model/image.ts';
import type { BrokenImage, ImageDraft, ImageStore } from '../../src/model/ports/image-store.ts';
import type { RecycledImage } from '../../src/model/recycled-image.ts';

export interface FakeImageStore extends ImageStore {
  /** Spoils an image's record. */
  breakImage(imageId: string, reason: string): void;
  /** Removes the files. */
  dispose(): void;
}

export interface FakeImageStoreOptions {
  readonly freeBytes?: number;
}

/** Records in memory, files in a temporary folder, since operations write them by path. */
export function createFakeImageStore(options: FakeImageStoreOptions = {}): FakeImageStore {
  const root = mkdtempSync(path.join(tmpdir(), 'dr-fake-store-'));
  removeAfterTest(root);
  const images = new Map<string, Image>();
  const broken = new Map<string, BrokenImage>();
  const users = new Map<string, Map<string, ImageUser>>();
  const recycled = new Map<string, RecycledImage>();
  const isPublished = (id: string): boolean => images.has(id) || broken.has(id);
  const read = (id: string): Image => {
    const image = images.get(id);
    if (image !== undefined && !broken.has(id)) return structuredClone(image);
    throw broken.has(id) ? failure('IMAGE_DAMAGED', `Image ${id} is damaged`) : failure('IMAGE_NOT_FOUND', `No ${id}`);
  };
  const folderOf = (id: string): string => path.join(root, 'images', assertUuid(id));
  const recycledFolderOf = (id: string): string => path.join(root, 'recycle', assertUuid(id));
  const move = (from: string, to: string): void => {
    rmSync(to, { recursive: true, force: true });
    mkdirSync(path.dirname(to), { recursive: true });
    renameSync(from, to);
  };
  const openDraft = (imageId: string): ImageDraft => {
    const folder = folderOf(imageId);
    return {
      imageId,
      path: (file) => prepare(partial(locate(folder, file))),
      seal: async (file) => ({ sizeBytes: seal(locate(folder, file)) }),
      sealFrom: async (file, source) => {
        if (store.keepsFilesHere) return null;
        copyFileSync(source, prepare(locate(folder, file)));
        return { sizeBytes: statSync(source).size, sha256: sha256Of(source) };
      },
      sealedPath: (file) => locate(folder, file),
      publish: async (image) => {
        if (isPublished(imageId)) throw failure('IMAGE_STATE', `Image ${imageId} is already in the store`);
        requireFiles(folder, assertImage(image, imageId));
        images.set(imageId, structuredClone(image));
      },
      discard: async () => {
        if (isPublished(imageId)) throw failure('IMAGE_STATE', `Image ${imageId} is published`);
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };
  const store: FakeImageStore = {
    location: root,
    rootPath: root,
    isLocal: true,
    keepsFilesHere: true,
    assertWritable: async () => {
      mkdirSync(path.join(root, 'images'), { recursive: true });
    },
    freeBytes: async () => options.freeBytes ?? 1e12,
    createDraft: async (imageId) => {
      if (existsSync(folderOf(imageId))) throw failure('IMAGE_STATE', `Image ${imageId} is already in the store`);
      mkdirSync(folderOf(imageId), { recursive: true });
      return openDraft(imageId);
    },
    openDraft,
    listDraftIds: async () => listFolders(root).filter((id) => !isPublished(id)),
    listImages: async () => ({
      images: [...images.keys()]
        .filter((id) => !broken.has(id))
        .map(read)
        .sort((left, right) => Date.parse(right.createdAt) - Date.parse(left.createdAt)),
      broken: [...broken.values()],
    }),
    readImage: async (imageId) => read(assertUuid(imageId)),
    updateImage: async (image) => {
      if (!isPublished(assertUuid(image.id))) throw failure('IMAGE_NOT_FOUND', `No ${image.id}`);
      images.set(image.id, structuredClone(assertImage(image, image.id)));
      broken.delete(image.id);
    },
    deleteImage: async (imageId) => {
      const folder = folderOf(imageId);
      for (const records of [images, broken, users]) records.delete(imageId);
      rmSync(folder, { recursive: true, force: true });
    },
    recycleImage: async (imageId, note) => {
      if (!images.has(assertUuid(imageId)) && recycled.has(imageId)) return;
      const image = read(imageId);
      move(folderOf(imageId), recycledFolderOf(imageId));
      images.delete(imageId);
      recycled.set(imageId, { id: imageId, image, sizeBytes: image.sizeBytes, ...note });
    },
    listRecycled: async () => ({
      recycled: [...recycled.values()].sort(
        (left, right) => Date.parse(left.deletedAt) - Date.parse(right.deletedAt) || (left.id < right.id ? -1 : 1),
      ),
      broken: [],
      halfPurgedIds: [],
    }),
    restoreImage: async (imageId) => {
      const found = recycled.get(assertUuid(imageId));
      if (found === undefined) return void read(imageId);
      if (isPublished(imageId)) throw failure('IMAGE_STATE', `Image ${imageId} is in the store again`);
      move(recycledFolderOf(imageId), folderOf(imageId));
      recycled.delete(imageId);
      images.set(imageId, { ...found.image, status: 'active' });
    },
    purgeRecycled: async (imageId) => {
      rmSync(recycledFolderOf(imageId), { recursive: true, force: true });
      recycled.delete(imageId);
    },
    resolveFile: async (imageId, file) => {
      read(imageId);
      return requireFile(path.join(folderOf(imageId), isSafe(file) ? file : '?'), imageId);
    },
    measureFile: async (imageId, file) => {
      read(imageId);
      const found = path.join(folderOf(imageId), isSafe(file) ? file : '?');
      return existsSync(found) ? statSync(found).size : null;
    },
    fetchFile: async (imageId, { file, target }) => {
      if (store.keepsFilesHere) return 'here';
      read(imageId);
      copyFileSync(requireFile(locate(folderOf(imageId), file), imageId), target, constants.COPYFILE_EXCL);
      return { sha256: sha256Of(target) };
    },
    listUsers: async (imageId) => [...(users.get(assertUuid(imageId))?.values() ?? [])],
    addUser: async (imageId, user) => {
      read(assertUuid(imageId));
      if (!UUID.test(user.instanceId)) throw failure('INVALID_REQUEST', `"${user.instanceId}" is not an instance id`);
      users.set(imageId, new Map(users.get(imageId)).set(user.instanceId, { ...user }));
    },
    removeUser: async (imageId, instanceId) => {
      users.get(assertUuid(imageId))?.delete(instanceId);
    },
    breakImage: (id, reason) => void broken.set(id, { id, reason }),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
  return store;
}

/** Many tests of use cases make a store and go. One that is made outside of a test must be disposed of. */
function removeAfterTest(root: string): void {
  try {
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  } catch {
    // Not within a test.
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function assertUuid(id: string): string {
  if (!UUID.test(id)) throw failure('IMAGE_NOT_FOUND', `There is no image ${id}`);
  return id;
}

function isSafe(file: string): boolean {
  const segments = file.split('/');
  return (
    segments.every((segment) => /^[\w.@+=-]+$/.test(segment) && !/^\.\.?$/.test(segment)) && segments[0] !== 'users'
  );
}

function locate(folder: string, file: string): string {
  if (!isSafe(file) || file === 'manifest.json') throw failure('INTERNAL', `${file} is not a name for a file`);
  return path.join(folder, file);
}

function partial(target: string): string {
  return path.join(path.dirname(target), `.${path.basename(target)}.partial`);
}

function prepare(target: string): string {
  mkdirSync(path.dirname(target), { recursive: true });
  return target;
}

function seal(target: string): number {
  try {
    // sealed before, and not written anew
    if (existsSync(partial(target)) || !existsSync(target)) renameSync(partial(target), target);
    return statSync(target).size;
  } catch (error) {
    throw new DarkroomError('STORE_WRITE_FAILED', `Cannot complete ${target}`, { cause: error });
  }
}

function assertImage(image: Image, imageId: string): Image {
  if (image.id !== imageId) throw failure('INTERNAL', `Image ${image.id} is not the draft ${imageId}`);
  if (image.disks.length === 0 || !image.disks.every((disk) => isSafe(disk.file))) {
    throw failure('INTERNAL', `Will not write the manifest of image ${imageId}`);
  }
  return image;
}

function requireFiles(folder: string, image: Image): void {
  const files = [...image.disks, ...image.tpm, ...(image.nvram === null ? [] : [image.nvram])];
  for (const { file } of files) {
    if (!existsSync(path.join(folder, file))) throw failure('STORE_WRITE_FAILED', `${file} was not sealed`);
  }
}

function requireFile(target: string, imageId: string): string {
  if (existsSync(target) && statSync(target).isFile()) return target;
  throw failure('IMAGE_DAMAGED', `Image ${imageId} is damaged: ${target} is missing`);
}

function listFolders(root: string): readonly string[] {
  const folder = path.join(root, 'images');
  return existsSync(folder) ? readdirSync(folder) : [];
}

function failure(code: ErrorCode, message: string): DarkroomError {
  return new DarkroomError(code, message);
}

function sha256Of(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
