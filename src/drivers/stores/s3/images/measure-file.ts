import type { ImagesContext } from './context.ts';
import { fileKey, isFileName } from './keys.ts';
import { readImage } from './read.ts';

/** As `ImageStore.measureFile`: one HEAD (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html). */
export async function measureFile(
  { bucket }: Pick<ImagesContext, 'bucket'>,
  imageId: string,
  file: string,
): Promise<number | null> {
  await readImage(bucket, imageId);
  if (!isFileName(file)) return null;
  return (await bucket.head(fileKey(imageId, file)))?.sizeBytes ?? null;
}
