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
> & {
  readonly disks: readonly ImageDisk[];
  /** No where it is absent. */
  readonly isEncrypted?: boolean;
  /** Whose instance it was made of; null: the host's, or of none. */
  readonly instanceOwner: string | null;
};

/** Writes the manifest of a finished draft: from here on the image exists, and is its caller's own. */
export async function publishImage(
  core: Core,
  draft: ImageDraft,
  { instanceOwner, ...made }: NewImage,
): Promise<Image> {
  const image: Image = {
    id: draft.imageId,
    status: 'active',
    createdAt: core.clock.now().toISOString(),
    owner: core.caller.name,
    ...shareWith(core, instanceOwner),
    protected: false,
    bootProof: null,
    isEncrypted: false,
    checksum: imageChecksum(made.disks),
    ...summariseDisks(made.disks),
    ...made,
  };
  await draft.publish(image);
  core.log.info({ imageId: image.id, name: image.name, sizeBytes: image.sizeBytes }, 'image published');
  return image;
}

/** Whoever captures somebody's instance makes an image that its owner may read. */
function shareWith({ caller }: Core, instanceOwner: string | null): Pick<Image, 'visibility' | 'members'> {
  if (instanceOwner === null || instanceOwner === caller.name) return { visibility: 'private', members: [] };
  return { visibility: 'shared', members: [instanceOwner] };
}
