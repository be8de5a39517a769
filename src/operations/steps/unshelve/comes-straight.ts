import type { ImageDisk } from '../../../model/image.ts';
import type { ShelvedInstance } from '../../../model/shelved-instance.ts';
import type { Core } from '../../support/context.ts';

/** The store is elsewhere, and its file is what the disk was: it is brought to its place as it is, with no copy beside it. */
export function comesStraight({ store }: Core, record: ShelvedInstance, disk: ImageDisk): boolean {
  const then = record.disks.find(({ target }) => target === disk.target);
  return !store.keepsFilesHere && then?.format === disk.format;
}
