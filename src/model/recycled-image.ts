import type { Image } from './image.ts';

/** What is written down of a deletion. Times are RFC 3339, UTC. */
export interface RecycleNote {
  readonly deletedAt: string;
  readonly deletedBy: string | null;
  /** From then on it may go for good. */
  readonly expiresAt: string;
}

/** A deleted image that can be brought back. */
export interface RecycledImage extends RecycleNote {
  readonly id: string;
  readonly image: Image;
  /** Sum of the lengths of its disk files. */
  readonly sizeBytes: number;
}
