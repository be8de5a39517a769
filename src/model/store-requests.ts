import type { ImageVisibility } from './image.ts';

/** To another store, or from one to the host's own; it keeps its id. */
export interface CopyImageRequest {
  readonly kind: 'image.copy';
  readonly image: string;
  /** Name of a store of the configuration, or a folder; null: the host's own. */
  readonly from: string | null;
  readonly to: string | null;
}

/** To an image service, as an image of one disk. */
export interface PushImageRequest {
  readonly kind: 'image.push';
  readonly image: string;
  /** Name of the service in the configuration. */
  readonly service: string;
  /** null: as the image's. */
  readonly name: string | null;
  /** Target of the disk; null: the only one. */
  readonly disk: string | null;
  /** null: as the image's. */
  readonly visibility: ImageVisibility | null;
}

/** From an image service to the host's store. */
export interface PullImageRequest {
  readonly kind: 'image.pull';
  readonly service: string;
  /** Id or unique name of the image there. */
  readonly image: string;
  /** null: as it is called there. */
  readonly name: string | null;
}

/** What brings images from one place to another. */
export type StoreRequest = CopyImageRequest | PushImageRequest | PullImageRequest;

export interface CollectGarbageRequest {
  /** null: the default store. */
  readonly store: string | null;
  /** Younger things may be what another host is at work on. */
  readonly olderThanMs: number;
  readonly isDryRun: boolean;
}
