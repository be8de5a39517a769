import { DarkroomError } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';

export function missingDisk({ id, name }: Pick<Image, 'id' | 'name'>, target: string): DarkroomError {
  return new DarkroomError('IMAGE_DAMAGED', `The image ${name} (${id}) has no disk ${target}.`, {
    fields: { imageId: id, target },
  });
}
