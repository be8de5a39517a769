import type { Image, ImageUser } from '../image.ts';
import type { RecycledImage, RecycleNote } from '../recycled-image.ts';

/** Of bytes that go to a store or come from one, where that takes a while. */
export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** All bytes of the file that are there so far. */
  readonly onBytes?: (totalBytes: number) => void;
}

export interface FetchOptions extends TransferOptions {
  /** Where the store is elsewhere: the file comes from there even where a copy of it is here, and is that copy from then on. */
  readonly isFresh?: boolean;
}

export interface DownloadOptions extends TransferOptions {
  /**
   * All bytes from the beginning of the file that are there: what lies before them does not change any more. For whoever sums it up; heard
   * where the store does not know the sum.
   */
  readonly onGrown?: (leadingBytes: number) => void;
}

/**
 * An image in the making: nobody sees it before publish. A capture or an import writes its disks to `path` first, so that a
 * guest goes on without waiting for a store: where the store is elsewhere, that takes as much room below rootPath as the flat disks
 * have, until the upload ends; the copies count against the limit of the cache from then on. What lies on this host unchanged, such as
 * a disk of a machine that is shelved and needs no flattening, goes by `sealFrom`, and takes none.
 */
export interface ImageDraft {
  readonly imageId: string;
  /** Where to write `file` (a name relative to the image's folder); the name is a temporary one until sealed. */
  path(file: string): string;
  /**
   * fsyncs the written file, sets its owner and mode, and gives it its name; where the store is elsewhere, brings it there. Returns
   * its length in bytes. Again for a file that is sealed and was not written anew: no error.
   */
  seal(
    file: string,
    options?: TransferOptions & { readonly isSecret?: boolean },
  ): Promise<{ readonly sizeBytes: number }>;
  /**
   * As seal, of what another file of this host holds, which nobody writes to meanwhile: it goes to the store from there, without a copy
   * on this host, so nothing is at sealedPath afterwards. null where the store keeps its files here: then it has to be written.
   * Again for a file that is there with that content: it is not sent again. Its SHA-256 is of the very bytes that were sent, null where
   * none were.
   */
  sealFrom(
    file: string,
    source: string,
    options?: TransferOptions,
  ): Promise<{ readonly sizeBytes: number; readonly sha256: string | null } | null>;
  /** Path on this host of a file that was sealed by this process, for reading. */
  sealedPath(file: string): string;
  /** Writes the manifest, last. From here on the image exists. */
  publish(image: Image): Promise<void>;
  /** Removes the draft and all its files; no error when there is nothing. Refuses (IMAGE_STATE) once published. */
  discard(): Promise<void>;
}

export interface BrokenImage {
  readonly id: string;
  readonly reason: string;
}

export interface RecycledImages {
  /** Those that were deleted first come first. */
  readonly recycled: readonly RecycledImage[];
  /** Whose record cannot be read. */
  readonly broken: readonly BrokenImage[];
  /** Ids of purges that were cut short: purging them again ends them. */
  readonly halfPurgedIds: readonly string[];
}

/**
 * Images of one store. Unknown ids: IMAGE_NOT_FOUND; a manifest that cannot be read or does not hold what it must:
 * IMAGE_DAMAGED; a store that cannot be read or written: STORE_UNUSABLE; a write that failed: STORE_WRITE_FAILED,
 * NO_SPACE. Nothing in a manifest is trusted: names of files that leave the image's folder make it damaged.
 */
export interface ImageStore {
  /** As given in the configuration. */
  readonly location: string;
  /** Image files can be had on a file system of this host, so that an overlay can name them as backing. */
  readonly isLocal: boolean;
  /**
   * They lie below rootPath and nowhere else: disks can be moved in and out, and what is deleted frees that file system. False:
   * what is below rootPath are drafts and copies of what the store holds elsewhere.
   */
  readonly keepsFilesHere: boolean;

  /** Folder that images are written to; for space checks and cloning. */
  readonly rootPath: string;
  /** STORE_UNUSABLE unless images can be created. Creates the layout where it is missing. */
  assertWritable(): Promise<void>;
  freeBytes(): Promise<number>;

  createDraft(imageId: string): Promise<ImageDraft>;
  /** Handle on a draft that may or may not exist, for recovery. */
  openDraft(imageId: string): ImageDraft;
  /** Ids of folders without a manifest. */
  listDraftIds(): Promise<readonly string[]>;

  /** Newest first. */
  listImages(): Promise<{ readonly images: readonly Image[]; readonly broken: readonly BrokenImage[] }>;
  readImage(imageId: string): Promise<Image>;
  /** Replaces the manifest atomically. */
  updateImage(image: Image): Promise<void>;
  /** Manifest first, then the files. Idempotent: finishes what an interrupted delete began; no error when nothing is there. */
  deleteImage(imageId: string): Promise<void>;
  /**
   * Takes a published image out of the images, files and all, in one step: it is there, or it can be restored. Idempotent;
   * a deleted image that was left under the same id makes way for it. IMAGE_NOT_FOUND when it is in neither place.
   */
  recycleImage(imageId: string, note: RecycleNote): Promise<void>;
  listRecycled(): Promise<RecycledImages>;
  /**
   * Brings a recycled image back as active, in one step; idempotent. IMAGE_NOT_FOUND when there is none, IMAGE_STATE when
   * there is an image of that id again. Of many who restore and purge it at once, on whatever hosts, one succeeds.
   */
  restoreImage(imageId: string): Promise<void>;
  /** Deletes a recycled image for good. Idempotent: finishes what an interrupted purge began; no error when nothing is there. */
  purgeRecycled(imageId: string): Promise<void>;
  /**
   * Path on this host of a file of an image, checked to lie inside its folder and to be a regular file. Brought here first, and checked
   * against what was stored, where the store is elsewhere; it then stays for an hour at least, and as long as a user of this host
   * is recorded. What the store no longer holds as it was stored is IMAGE_DAMAGED; a copy that is here stays then.
   */
  resolveFile(imageId: string, file: string, options?: FetchOptions): Promise<string>;
  /** Length in bytes of a file of an image as the store holds it, which is not brought here for that; null where it is missing. */
  measureFile(imageId: string, file: string): Promise<number | null>;
  /**
   * Writes a file of an image to `target`, which must not exist, without a copy in between, checked against what was stored, and on the
   * disk for good; mode 0600. Returns its SHA-256 as it was when it was stored, null where the store does not know it: then it is to be
   * computed. 'here', and nothing is written, where it is on this host already: resolveFile says where. What was
   * written of it is removed when it fails.
   */
  fetchFile(
    imageId: string,
    request: { readonly file: string; readonly target: string },
    options?: DownloadOptions,
  ): Promise<{ readonly sha256: string | null } | 'here'>;

  listUsers(imageId: string): Promise<readonly ImageUser[]>;
  addUser(imageId: string, user: ImageUser): Promise<void>;
  removeUser(imageId: string, instanceId: string): Promise<void>;
}
