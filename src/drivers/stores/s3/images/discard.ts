import { DarkroomError } from '../../../../model/errors.ts';
import { manifestPath } from '../../documents/layout.ts';
import type { ImagesContext } from './context.ts';
import { draftKey, imagePrefix, recycledKey } from './keys.ts';
import { removeLocalFiles } from './local-files.ts';

/** The word that it is being made goes last: killed in between, it is a draft still. */
export async function discard(context: ImagesContext, imageId: string): Promise<void> {
  const { bucket } = context;
  const keys = (await bucket.list(imagePrefix(imageId))).map(({ key }) => key);
  if (keys.includes(manifestPath('', imageId))) {
    throw new DarkroomError('IMAGE_STATE', `Image ${imageId} is published: delete it instead of discarding it`);
  }
  if (keys.includes(recycledKey(imageId))) {
    throw new DarkroomError('IMAGE_STATE', `Image ${imageId} was published, and deleted: it can be brought back`);
  }
  await bucket.abortUploads(imagePrefix(imageId));
  await bucket.remove(keys.filter((key) => key !== draftKey(imageId)));
  await removeLocalFiles(context, imageId);
  if (keys.length === 0) return;
  await bucket.remove([draftKey(imageId)]);
  await context.index.changed([imageId]);
}
