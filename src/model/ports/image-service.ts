import type { DiskFormat, ImageVisibility } from '../image.ts';
import type { StoreDescription } from '../store.ts';
import type { TransferOptions } from './image-store.ts';

/**
 * An image of an OpenStack image service, as the Image API v2 describes it
 * (https://docs.openstack.org/api-ref/image/v2/): one disk, and properties.
 */
export interface ServiceImage {
  readonly id: string;
  readonly name: string;
  /** queued saving importing active killed deleted pending_delete deactivated */
  readonly status: string;
  readonly diskFormat: string | null;
  readonly containerFormat: string | null;
  readonly sizeBytes: number | null;
  readonly virtualSizeBytes: number | null;
  readonly minDiskGiB: number;
  readonly minMemoryMiB: number;
  readonly visibility: string;
  readonly isProtected: boolean;
  readonly owner: string | null;
  /** RFC 3339. */
  readonly createdAt: string;
  /** `os_hash_algo` and `os_hash_value`, lower-case hex; null before there is data. */
  readonly hash: { readonly algorithm: string; readonly value: string } | null;
  /** Everything else that it has, such as hw_disk_bus. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface NewServiceImage {
  /** A new UUID, chosen by who makes it: known before there is anything to clean up, and a repeated request makes one image. */
  readonly id: string;
  readonly name: string;
  readonly diskFormat: DiskFormat;
  readonly minDiskGiB: number;
  readonly minMemoryMiB: number;
  readonly visibility: ImageVisibility;
  readonly isProtected: boolean;
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * An OpenStack image service. Not to be reached, or not with these credentials: IMAGE_SERVICE_UNUSABLE; a request that it
 * refused or that broke off: IMAGE_SERVICE_FAILED, its quota reached: QUOTA_EXCEEDED; unknown images: IMAGE_NOT_FOUND. What may be
 * repeated is repeated with back-off first.
 */
export interface ImageService {
  readonly description: StoreDescription;
  /** Answers, and knows us. */
  check(signal?: AbortSignal): Promise<void>;
  /** By id, or by name where that is unique: IMAGE_NOT_FOUND, AMBIGUOUS_NAME. */
  find(reference: string, signal?: AbortSignal): Promise<ServiceImage>;
  /** Without data yet: `queued`. Returns it with its id. */
  create(image: NewServiceImage, signal?: AbortSignal): Promise<ServiceImage>;
  /**
   * Streams a file to it, which makes it active. COPY_FAILED where the hash that the service made is not that of what was sent. One
   * that broke off is not repeated: the image is deleted and made anew then; the field `isPassing` says that this may go well.
   */
  upload(imageId: string, path: string, options?: TransferOptions): Promise<ServiceImage>;
  /** Writes its data to a file that is there and empty. COPY_FAILED where the hash is not the one that the service has. */
  download(image: ServiceImage, path: string, options?: TransferOptions): Promise<void>;
  /** Whether it is active, and its data is that of the file. False when it is gone. */
  holds(imageId: string, path: string, options?: TransferOptions): Promise<boolean>;
  /** No error when it is gone. One that is protected as well: for who made it and gives it up. */
  delete(imageId: string, signal?: AbortSignal): Promise<void>;
}

/** Those that the configuration names, below `glance`. */
export interface ImageServices {
  list(): readonly StoreDescription[];
  /** STORE_NOT_FOUND. */
  open(name: string): ImageService;
}
