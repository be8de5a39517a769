import type { ImageOwner } from './image-owner.ts';

/** What all parts of one store share. */
export interface StoreContext {
  readonly root: string;
  readonly owner: () => Promise<ImageOwner | null>;
}

/** Image files are read by QEMU through their group, and changed by nobody. */
export const IMAGE_FILE_MODE = 0o440;
export const SECRET_FILE_MODE = 0o600;
