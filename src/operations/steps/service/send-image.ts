import { newUuid } from '../../../lib/uuid.ts';
import { hasCode } from '../../../model/errors.ts';
import type { Image, ImageDisk } from '../../../model/image.ts';
import type { ImageService, NewServiceImage, ServiceImage } from '../../../model/ports/image-service.ts';
import { pushedProperties } from '../../../model/service-image/push-properties.ts';
import type { PushPlan } from '../../push-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { throwIfCancelled } from '../../support/patience.ts';
import { ByteProgress } from '../byte-progress.ts';

/** Of data that broke off on its way. */
const TRIES = 3;
/** A service that is down is not waited for to be rid of what it has. */
const UNDO_MS = 60_000;

export interface Shipment {
  readonly service: ImageService;
  readonly image: Image;
  readonly disk: ImageDisk;
  readonly name: string;
  readonly visibility: Image['visibility'];
}

/** Brings a disk to the service as an image that is active and whole. What did not come to that is deleted there again. */
export async function sendImage(
  context: OperationContext,
  shipment: Shipment,
  signal: AbortSignal,
): Promise<ServiceImage> {
  const { image, disk } = shipment;
  const isFetched = !context.store.keepsFilesHere;
  const progress = new ByteProgress(context.operation, disk.sizeBytes * (isFetched ? 2 : 1));
  const onBytes = (bytes: number): void => progress.at(bytes);
  await context.operation.announce('read');
  const path = await context.store.resolveFile(image.id, disk.file, { signal, onBytes });
  if (isFetched) progress.endStage(disk.sizeBytes);
  for (let tries = 1; ; tries++) {
    const made = await tryOnce(context, { ...shipment, path, onBytes, isLast: tries === TRIES }, signal);
    if (made !== null) return made;
  }
}

/** null: it broke off, is undone, and may go well next time. */
async function tryOnce(
  context: OperationContext,
  work: Shipment & { path: string; onBytes: (bytes: number) => void; isLast: boolean },
  signal: AbortSignal,
): Promise<ServiceImage | null> {
  const { service, image, disk, path, onBytes, isLast } = work;
  const planned = describe(work);
  const plan: PushPlan = {
    version: 1,
    service: service.description.name,
    serviceImageId: planned.id,
    imageId: image.id,
    file: disk.file,
  };
  await context.operation.enter('push', plan);
  try {
    throwIfCancelled(signal);
    await service.create(planned, signal);
    return await service.upload(planned.id, path, { signal, onBytes });
  } catch (error) {
    const isUndone = await takeBack(context, service, planned.id);
    if (isLast || !isUndone || signal.aborted || !mayGoWell(error)) throw error;
    context.log.warn({ serviceImageId: planned.id, error: String(error) }, 'a push broke off and begins again');
    return null;
  }
}

/** Where that fails, the plan stays in the journal, for recovery. */
async function takeBack(context: OperationContext, service: ImageService, id: string): Promise<boolean> {
  try {
    await service.delete(id, AbortSignal.timeout(UNDO_MS));
    await context.operation.settle('undone');
    return true;
  } catch (error) {
    context.log.error({ serviceImageId: id, error: String(error) }, 'an undo failed and is left to recovery');
    return false;
  }
}

function mayGoWell(error: unknown): boolean {
  return hasCode(error, 'IMAGE_SERVICE_FAILED', 'IMAGE_SERVICE_UNUSABLE') && error.fields['isPassing'] === true;
}

function describe({ image, disk, name, visibility }: Shipment): NewServiceImage {
  return {
    id: newUuid(),
    name,
    diskFormat: disk.format,
    minDiskGiB: Math.max(image.minDiskGiB, Math.ceil(disk.virtualSizeBytes / 1024 ** 3)),
    minMemoryMiB: image.minMemoryMiB,
    visibility,
    isProtected: image.protected,
    properties: pushedProperties(image),
  };
}
