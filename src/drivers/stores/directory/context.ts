import type { ImageOwner } from '../files/image-owner.ts';

/** What all parts of one store share. */
export interface StoreContext {
  readonly root: string;
  readonly owner: () => Promise<ImageOwner | null>;
}
