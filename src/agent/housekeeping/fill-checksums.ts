import type { Logger } from '../../lib/logger.ts';
import { hasCode } from '../../model/errors.ts';
import type { Image } from '../../model/image.ts';
import { lacksChecksum } from '../../model/image-rules.ts';
import type { JournalledOperation, OperationKind } from '../../model/operation.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import type { Task } from '../background/guard-task.ts';

const PAGE = 200;
/** Whose images may share their blocks with another file, and then have no checksum at first. */
const MAKERS: readonly OperationKind[] = ['image.create', 'backup.create', 'image.import', 'image.from-snapshot'];

export interface ChecksumParts {
  readonly feed: Application['feed'];
  readonly keeper: Pick<CallerApplication, 'operations' | 'images'>;
  readonly log: Pick<Logger, 'info'>;
}

/**
 * Images that were cloned or moved get their checksums while nothing else runs here, one at a time. A host does this for those
 * that its own journal knows it made: so no two hosts of a store ever read the same, without having to talk. Each is tried
 * once in the life of an agent; one that fails its verify says so itself.
 */
export function createChecksumTask({ feed, keeper, log }: ChecksumParts): Task {
  const waiting = new Set<string>();
  let revision = 0;

  const lookForNew = async (): Promise<void> => {
    for (;;) {
      const changed = await feed.listChanged(revision, PAGE);
      for (const entry of changed) {
        const imageId = madeImage(entry);
        if (imageId !== null) waiting.add(imageId);
        revision = entry.revision;
      }
      if (changed.length < PAGE) return;
    }
  };
  const nextImage = async (): Promise<Image | null> => {
    for (const id of waiting) {
      const image = await findImage(keeper, id);
      if (image !== null && lacksChecksum(image)) return image;
      waiting.delete(id);
    }
    return null;
  };
  return async () => {
    await lookForNew();
    if (waiting.size === 0 || (await keeper.operations.list({ status: 'running', limit: 1 })).length > 0) return;
    const image = await nextImage();
    if (image === null) return;
    try {
      const operation = await keeper.operations.submit({
        kind: 'image.verify',
        image: image.id,
        isBooted: false,
        expect: null,
        timeoutMs: 0,
      });
      log.info({ imageId: image.id, operationId: operation.id }, 'an image without a checksum gets one');
    } catch (error) {
      if (hasCode(error, 'IMAGE_BUSY')) return;
      waiting.delete(image.id);
      throw error;
    }
    waiting.delete(image.id);
  };
}

function madeImage({ operation }: JournalledOperation): string | null {
  if (operation.status !== 'succeeded' || !MAKERS.includes(operation.kind)) return null;
  return operation.result.imageId ?? null;
}

/** null for one that is gone, or cannot be read: whoever looks at it is told. */
async function findImage({ images }: Pick<CallerApplication, 'images'>, id: string): Promise<Image | null> {
  try {
    return await images.show(id);
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND', 'IMAGE_DAMAGED')) return null;
    throw error;
  }
}
