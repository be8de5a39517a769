import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import { findReadableImage } from '../drop-unused-image.ts';
import { fetchImage } from '../store/fetch-files.ts';

/**
 * The image of a machine that comes back, with its memory, which no manifest names, where the store is elsewhere. Whoever needs the
 * image says best what is wrong with it.
 */
export async function fetchShelved(
  context: OperationContext,
  { imageId, memory }: ShelvedInstance,
  signal: AbortSignal,
): Promise<void> {
  const image = context.store.keepsFilesHere ? null : await findReadableImage(context, imageId);
  if (image === null) return;
  await fetchImage(context, image, { signal, step: 'look', others: memory === null ? [] : [memory] });
}
