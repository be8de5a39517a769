import { isUuid } from '../../lib/uuid.ts';
import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { ServiceImage } from '../../model/ports/image-service.ts';
import type { Api } from './api.ts';
import { failed } from './failures.ts';
import { parseImage, parseImages } from './image-schema.ts';

/** Enough to say that there are several. */
const SHOWN = 5;

/** By id or, failing that, the only one of that name. IMAGE_NOT_FOUND, AMBIGUOUS_NAME. */
export async function findServiceImage(api: Api, reference: string, signal?: AbortSignal): Promise<ServiceImage> {
  if (isUuid(reference)) {
    const image = await readServiceImage(api, reference.toLowerCase(), signal);
    if (image !== null) return image;
  }
  const [found, ...others] = await listByName(api, reference, signal);
  if (found === undefined) throw notFound(api, reference);
  if (others.length > 0) throw ambiguous(api, reference, [found, ...others]);
  return found;
}

/** null when there is none, or none that we may see. */
export async function readServiceImage(api: Api, id: string, signal?: AbortSignal): Promise<ServiceImage | null> {
  const path = `/images/${encodeURIComponent(id)}`;
  try {
    const answer = await api.ask({ method: 'GET', path, what: `show the image ${id}`, signal });
    return parseImage(api.service, answer);
  } catch (error) {
    if (hasCode(error, 'IMAGE_NOT_FOUND')) return null;
    throw error;
  }
}

/** https://docs.openstack.org/api-ref/image/v2/#list-images: `in:` is followed by a list, in quotes where it has commas. */
async function listByName(api: Api, name: string, signal?: AbortSignal): Promise<readonly ServiceImage[]> {
  const isPlain = !/^in:/i.test(name);
  const filter = isPlain ? name : `in:"${name}"`;
  const path = `/images?limit=${SHOWN}&name=${encodeURIComponent(filter)}`;
  try {
    const answer = await api.ask({ method: 'GET', path, what: 'list images', signal });
    return parseImages(api.service, answer).filter((image) => image.name === name);
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    throw failed(api.service, 'knows no list of images at its endpoint. Look at endpoint in the configuration.', {
      cause: error,
    });
  }
}

function notFound({ service }: Api, reference: string): DarkroomError {
  return new DarkroomError(
    'IMAGE_NOT_FOUND',
    `The image service ${service} has no image called ${JSON.stringify(reference)}, or none that our credentials may see.`,
    { fields: { service, image: reference } },
  );
}

function ambiguous({ service }: Api, reference: string, images: readonly ServiceImage[]): DarkroomError {
  const ids = images.map(({ id }) => id).join(', ');
  return new DarkroomError(
    'AMBIGUOUS_NAME',
    `Several images of the image service ${service} are called ${JSON.stringify(reference)}: name one by its id: ${ids}.`,
    { fields: { service, image: reference, ids } },
  );
}
