import type { ImageOwner } from '../../files/image-owner.ts';
import type { Bucket } from '../bucket.ts';
import type { Mirror } from '../mirror.ts';
import type { ImageIndex } from './index/image-index.ts';

/** What all parts of the images of one bucket share. */
export interface ImagesContext {
  readonly bucket: Bucket;
  readonly mirror: Mirror;
  readonly hostName: string;
  readonly owner: () => Promise<ImageOwner | null>;
  readonly index: ImageIndex;
}
