import { DarkroomError } from '../../../model/errors.ts';
import type { Image } from '../../../model/image.ts';
import type { ImageService, ServiceImage } from '../../../model/ports/image-service.ts';
import type { ImageDraft } from '../../../model/ports/image-store.ts';
import type { ImportFormat, ImportImageRequest } from '../../../model/requests.ts';
import { judgePull } from '../../../model/service-image/judge-pull.ts';
import { pulledProperties } from '../../../model/service-image/pull-properties.ts';
import type { OperationContext } from '../../support/context.ts';
import { ByteProgress } from '../byte-progress.ts';
import { checkSpace } from '../check-space.ts';
import type { NewImage } from '../publish-image.ts';
import { importDisk } from '../transfer/import-disk.ts';
import { rejected } from '../transfer/transfer-path.ts';

/** Name in the draft of what came, until it is taken in. */
const FETCHED_FILE = 'pulled-data';
/** As long as a description here may be. */
const MAX_DESCRIPTION = 4096;

/** What the service says of an image that can be pulled. IMAGE_REJECTED. */
export interface Pullable {
  readonly image: ServiceImage;
  readonly format: ImportFormat;
  readonly sizeBytes: number;
}

export function requirePullable(service: ImageService, image: ServiceImage): Pullable {
  const verdict = judgePull(image);
  if (verdict.isTaken) return { image, format: verdict.format, sizeBytes: verdict.sizeBytes };
  const { name } = service.description;
  throw new DarkroomError(
    'IMAGE_REJECTED',
    `The image ${image.name} (${image.id}) of ${name} cannot be pulled: it ${verdict.reason}.`,
    { fields: { service: name, serviceImageId: image.id, reason: verdict.reason } },
  );
}

export interface Fetching {
  readonly service: ImageService;
  readonly pullable: Pullable;
  readonly draft: ImageDraft;
  readonly name: string;
}

/** Brings the data here and takes it in as what it is: a file of a stranger. */
export async function fetchImage(context: OperationContext, work: Fetching, signal: AbortSignal): Promise<NewImage> {
  const path = work.draft.path(FETCHED_FILE);
  await download(context, { ...work, path }, signal);
  const made = await takeIn(context, { ...work, path }, signal);
  await context.files.remove(path);
  return made;
}

async function download(
  context: OperationContext,
  { service, pullable, path }: Fetching & { readonly path: string },
  signal: AbortSignal,
): Promise<void> {
  const { image, format, sizeBytes } = pullable;
  // holes are not written, so how much of a raw disk is copied afterwards is only known then, and checked then
  const bytes = format === 'raw' ? sizeBytes : 2 * sizeBytes;
  await checkSpace(context, [{ path, bytes, what: 'the image and what it is made of' }]);
  await context.files.writeDurably(path, '', { mode: 0o600 });
  await context.operation.announce('download');
  const progress = new ByteProgress(context.operation, sizeBytes);
  await service.download(image, path, { signal, onBytes: (total) => progress.at(total) });
}

async function takeIn(
  context: OperationContext,
  { service, pullable, draft, name, path }: Fetching & { readonly path: string },
  signal: AbortSignal,
): Promise<NewImage> {
  const { image, format } = pullable;
  const label = `the image ${image.name} (${image.id}) of ${service.description.name}`;
  const { properties, dropped } = pulledProperties(service.description.name, image);
  if (dropped.length > 0)
    context.operation.warn(`An image here cannot have these properties of ${label}: ${dropped.join(', ')}.`);
  if (image.hash === null)
    context.operation.warn(`The service has no checksum of ${label}: only its length was compared.`);
  const request: ImportImageRequest = {
    kind: 'image.import',
    path: label,
    name,
    format,
    description: describe(image),
    properties,
  };
  await using source = await context.files.hold(path);
  if (source === null) throw rejected(label, 'vanished while it was taken in');
  // nobody but us can write to it, so no private copy is needed, whoever asked for it
  const ours = { ...context, caller: { ...context.caller, isTrustedWithPaths: true } };
  const made = await importDisk(ours, { request, source, draft }, signal);
  return { ...made, ...atLeast(made, image) };
}

function describe({ properties }: ServiceImage): string | null {
  const text = [...(properties['description'] ?? '')].slice(0, MAX_DESCRIPTION).join('');
  return text === '' ? null : text;
}

function atLeast(made: NewImage, image: ServiceImage): Pick<Image, 'minDiskGiB' | 'minMemoryMiB'> {
  return {
    minDiskGiB: Math.max(made.minDiskGiB, image.minDiskGiB),
    minMemoryMiB: image.minMemoryMiB,
  };
}
