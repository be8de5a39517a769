import type { Image } from '../../model/image.ts';
import { summariseDisks } from '../../model/image-rules.ts';
import type { ImageDraft } from '../../model/ports/image-store.ts';
import type { OperationContext } from '../support/context.ts';
import { throwIfCancelled } from '../support/patience.ts';
import { checkByteQuota } from './check-quota.ts';
import { type NewImage, publishImage } from './publish-image.ts';

/** What came from elsewhere and is complete becomes an image, unless it is too much for its owner, or nobody wants it any more. */
export async function publishTakenIn(
  context: OperationContext,
  { draft, made }: { readonly draft: ImageDraft; readonly made: NewImage },
  signal: AbortSignal,
): Promise<Image> {
  await checkByteQuota(context, summariseDisks(made.disks).sizeBytes);
  throwIfCancelled(signal);
  await context.operation.announce('publish');
  const image = await publishImage(context, draft, made);
  await context.operation.saveResult({ imageId: image.id });
  return image;
}
