import type { DownloadOptions, TransferOptions } from '../../../model/ports/image-store.ts';
import type { StoreOutage } from '../../../model/store.ts';
import type { S3Access } from '../../../model/store-access.ts';

/** An object as a listing shows it. */
export interface ObjectEntry {
  /** Without the prefix of the store: `images/<id>/manifest.json`. */
  readonly key: string;
  readonly sizeBytes: number;
  /** As S3 quotes it. Another one: other content. */
  readonly etag: string;
  /** RFC 3339, UTC. */
  readonly modifiedAt: string;
}

export interface UploadedObject extends ObjectEntry {
  /** Of the very bytes that were sent, lower-case hex. */
  readonly sha256: string;
}

export interface SmallObject {
  readonly content: Buffer;
  readonly etag: string;
}

export interface DownloadedFile {
  /** Lower-case hex. Its parts are those whose checksums were made of the same bytes, and all of them arrived. null: unknown. */
  readonly sha256: string | null;
}

/** An upload in parts that was begun and not completed: nobody sees any of it. */
export interface UnfinishedUpload {
  readonly key: string;
  readonly uploadId: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
}

/**
 * The part of an S3 bucket below the prefix of one store (https://docs.aws.amazon.com/AmazonS3/latest/API/). Keys are without that
 * prefix. What may be repeated is repeated with back-off for as long as the settings say, then: STORE_UNUSABLE for reading,
 * STORE_WRITE_FAILED for writing, NO_SPACE where the server has none left or a quota is reached, CANCELLED.
 */
export interface Bucket {
  /** `s3://bucket/prefix` */
  readonly location: string;

  /** null when it is not there. STORE_UNUSABLE for one longer than `maxBytes`. */
  get(key: string, options: { readonly maxBytes: number; readonly signal?: AbortSignal }): Promise<SmallObject | null>;
  /** null when it is not there. */
  head(key: string): Promise<ObjectEntry | null>;
  /**
   * Replaces what is there. With `ifAbsent` or `ifMatch` (an etag) only where nothing, or that, is there: null otherwise. A repeated
   * request whose first answer was lost is recognised by its content: say so with content that nobody else would write.
   */
  put(
    key: string,
    content: Buffer | string,
    condition?: { readonly ifAbsent: true } | { readonly ifMatch: string },
  ): Promise<{ readonly etag: string } | null>;
  /** No error for what is not there. */
  remove(keys: readonly string[]): Promise<void>;
  /** All that begins with it, in no order. In several requests side by side where there is much. */
  list(prefix: string, signal?: AbortSignal): Promise<readonly ObjectEntry[]>;

  /**
   * A file as one object, in parts side by side, each sent with its checksum, and `<key>.parts` beside it, which says how long
   * the parts are and what their checksums and that of the whole are; of what is there until then it says so too, until the end. Goes on where an earlier try of the same content stopped. Whether it failed or
   * was cancelled: nothing of the object is there, the parts that arrived stay for another try until abortUploads.
   */
  upload(key: string, path: string, options?: TransferOptions): Promise<UploadedObject>;
  /**
   * An object into a file that is there and empty, in ranges side by side, each checked against `<key>.parts`: STORE_UNUSABLE where what came is
   * not what was stored (fields: `key`, `part`), or is another object by now (fields: `key`, `isReplaced`). Memory is bounded whatever the length.
   * Returns what the list says of the whole; onGrown is heard where it says nothing.
   */
  download(entry: ObjectEntry, path: string, options?: DownloadOptions): Promise<DownloadedFile>;
  listUploads(prefix: string): Promise<readonly UnfinishedUpload[]>;
  /** Every one below the prefix, or that one. No error when there is none. */
  abortUploads(prefix: string, uploadId?: string): Promise<void>;
}

/** Beside every object that was uploaded from a file. */
export const PARTS_SUFFIX = '.parts';

/** Of one store, and how its server is spoken to. */
export interface BucketOptions extends S3Access {
  /** `s3://bucket/prefix`; the prefix may be empty. */
  readonly location: string;
  /** Hears, once per outage, of a server that has not answered for about two seconds and is asked again. */
  readonly onUnreachable?: ((outage: BucketOutage) => void) | undefined;
}

export type BucketOutage = Pick<StoreOutage, 'endpoint' | 'reason' | 'forMs'>;
