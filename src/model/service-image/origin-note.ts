import type { ServiceImage } from '../ports/image-service.ts';

const SERVICE_KEY = 'glance_service';
const IMAGE_KEY = 'glance_image_id';

/** Where an image was pulled from, as properties of its own. */
export function originNote(service: string, { id }: Pick<ServiceImage, 'id'>): Readonly<Record<string, string>> {
  return { [SERVICE_KEY]: service, [IMAGE_KEY]: id };
}

export function isOriginNote(key: string): boolean {
  return key === SERVICE_KEY || key === IMAGE_KEY;
}
