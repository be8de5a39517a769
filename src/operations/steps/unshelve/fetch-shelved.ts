import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { OperationContext } from '../../support/context.ts';
import { findReadableImage } from '../drop-unused-image.ts';
import { fetchImage } from '../store/fetch-files.ts';
import { comesStraight } from './comes-straight.ts';

/**
 * What is read here before a machine comes back, where the store is elsewhere: all of its image but the disks that come straight to
 * where they shall lie, and its memory, which no manifest names. Whoever needs the image says best what is wrong with it.
 */
export async function fetchShelved(
  context: OperationContext,
  record: ShelvedInstance,
  signal: AbortSignal,
): Promise<void> {
  const { imageId, memory } = record;
  const image = context.store.keepsFilesHere ? null : await findReadableImage(context, imageId);
  if (image === null) return;
  const without = image.disks.filter((disk) => comesStraight(context, record, disk)).map(({ file }) => file);
  await fetchImage(context, image, { signal, step: 'look', others: memory === null ? [] : [memory], without });
}
