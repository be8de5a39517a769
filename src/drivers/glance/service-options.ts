import type { ImageServiceAccess } from '../../model/store-access.ts';
import type { Limits } from './http/limits.ts';

export interface ImageServiceOptions extends ImageServiceAccess {
  /** Of requests; those that are absent are the usual ones. */
  readonly limits?: Partial<Limits>;
}
