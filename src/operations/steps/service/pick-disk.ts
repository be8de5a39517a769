import { DarkroomError } from '../../../model/errors.ts';
import type { Image, ImageDisk } from '../../../model/image.ts';

/**
 * The disk of an image that becomes an image of a service: the named one, or the only one. INVALID_REQUEST with what there is;
 * DISK_UNSUPPORTED for an encrypted one.
 */
export function pickDisk(image: Image, target: string | null): ImageDisk {
  const disk = target === null ? onlyDisk(image) : image.disks.find((each) => each.target === target);
  if (disk === undefined) throw invalid(image, `has no disk ${target}. It has ${targets(image)}`);
  if (!image.isEncrypted) return disk;
  throw new DarkroomError(
    'DISK_UNSUPPORTED',
    `The image ${image.name} (${image.id}) is encrypted with this host's key, which OpenStack does not have: it could not read it. ` +
      'Make an image that is not encrypted, and push that.',
    { fields: { imageId: image.id, target: disk.target } },
  );
}

function onlyDisk(image: Image): ImageDisk {
  const [disk, ...others] = image.disks;
  if (disk !== undefined && others.length === 0) return disk;
  throw invalid(image, `has the disks ${targets(image)}, and an image of an image service holds one: name it`);
}

function targets({ disks }: Image): string {
  return disks.map(({ target }) => target).join(', ');
}

function invalid(image: Image, message: string): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', `The image ${image.name} (${image.id}) ${message}.`, {
    fields: { field: 'disk', imageId: image.id },
  });
}
