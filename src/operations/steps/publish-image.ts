import type { Image, ImageDisk } from '../../model/image.ts';
import { imageChecksum, summariseDisks } from '../../model/image-rules.ts';
import type { ImageDraft } from '../../model/ports/image-store.ts';
import type { Core } from '../support/context.ts';

/** What only the maker of an image knows of it; the rest follows. */
export type NewImage = Pick<
  Image,
  | 'name'
  | 'description'
  | 'minDiskGiB'
  | 'minMemoryMiB'
  | 'consistency'
  | 'skippedDisks'
  | 'nvram'
  | 'tpm'
  | 'properties'
> & { readonly disks: readonly ImageDisk[] };

/** Writes the manifest of a finished draft: from here on the image exists, and is its caller's own. */
export async function publishImage(core: Core, draft: ImageDraft, made: NewImage): Promise<Image> {
  const image: Image = {
    id: draft.imageId,
    status: 'active',
    createdAt: core.clock.now().toISOString(),
    owner: core.caller.userId,
    visibility: 'private',
    protected: false,
    checksum: imageChecksum(made.disks),
    ...summariseDisks(made.disks),
    ...made,
  };
  await draft.publish(image);
  core.log.info({ imageId: image.id, name: image.name, sizeBytes: image.sizeBytes }, 'image published');
  return image;
}
