import type { Image } from '../image.ts';
import type { RetainedBackup } from './retention.ts';

/** A backup as a rule of retention looks at it. */
export function toRetained<Backup extends Pick<Image, 'id' | 'createdAt' | 'status' | 'protected'>>(
  image: Backup,
): RetainedBackup & { readonly image: Backup } {
  return {
    id: image.id,
    createdAt: image.createdAt,
    isActive: image.status === 'active',
    isProtected: image.protected,
    image,
  };
}
