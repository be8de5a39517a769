import type { ImageOwner } from '../../files/image-owner.ts';
import type { Bucket } from '../bucket.ts';
import type { KeyTurns } from './key-turns.ts';

/** What all parts of one mirror share. */
export interface MirrorContext {
  readonly bucket: Bucket;
  readonly rootPath: string;
  readonly limitBytes: number;
  readonly isWanted: (prefix: string, name: string) => Promise<boolean>;
  readonly owner: () => Promise<ImageOwner | null>;
  /** Of one key at a time in this process: whoever comes second finds the copy that the first has fetched. */
  readonly turns: KeyTurns;
  /** What is on its way here now, by its temporary name. */
  readonly arriving: Map<string, number>;
}
