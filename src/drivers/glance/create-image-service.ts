import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { ImageService, NewServiceImage, ServiceImage } from '../../model/ports/image-service.ts';
import type { StoreDescription } from '../../model/store.ts';
import { type Api, createApi } from './api.ts';
import { downloadData } from './download.ts';
import { unusable } from './failures.ts';
import { findServiceImage, readServiceImage } from './find-image.ts';
import { parseImage } from './image-schema.ts';
import type { ImageServiceOptions } from './service-options.ts';
import { holdsData, uploadData } from './upload.ts';

/** Nothing is touched before the first call. */
export function createImageService(description: StoreDescription, options: ImageServiceOptions): ImageService {
  const api = createApi(options);
  return {
    description,
    check: (signal) => check(api, signal),
    find: (reference, signal) => findServiceImage(api, reference, signal),
    create: (image, signal) => createRecord(api, image, signal),
    upload: (imageId, path, transfer) => uploadData(api, imageId, { path, ...transfer }),
    download: (image, path, transfer) => downloadData(api, image, { path, ...transfer }),
    holds: (imageId, path, transfer) => holdsData(api, imageId, { path, ...transfer }),
    delete: (imageId, signal) => deleteImage(api, imageId, signal),
  };
}

/** Once: who asks whether it is there waits for no answer that may come. */
async function check(api: Api, signal?: AbortSignal): Promise<void> {
  try {
    await api.askOnce({ method: 'GET', path: '/images?limit=1', what: 'list images', signal });
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
    throw unusable(api.service, `there is no Image API v2 at its endpoint. ${error.message}`, { cause: error });
  }
}

/** https://docs.openstack.org/api-ref/image/v2/#create-image: properties are fields beside the others. */
async function createRecord(api: Api, image: NewServiceImage, signal?: AbortSignal): Promise<ServiceImage> {
  const json = {
    ...image.properties,
    id: image.id,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: 'bare',
    min_disk: image.minDiskGiB,
    min_ram: image.minMemoryMiB,
    visibility: image.visibility,
    protected: image.isProtected,
  };
  const what = `create the image ${JSON.stringify(image.name)}`;
  try {
    return parseImage(api.service, await api.ask({ method: 'POST', path: '/images', what, json, signal }));
  } catch (error) {
    // nobody else knows the id: the answer to an earlier try was lost
    const made = isConflict(error) ? await readServiceImage(api, image.id, signal) : null;
    if (made?.status === 'queued') return made;
    throw error;
  }
}

async function deleteImage(api: Api, imageId: string, signal?: AbortSignal): Promise<void> {
  const remove = () =>
    api.ask({ method: 'DELETE', path: `/images/${imageId}`, what: `delete the image ${imageId}`, signal });
  try {
    await remove().catch(async (error: unknown) => {
      const image = hasCode(error, 'IMAGE_SERVICE_FAILED') ? await readServiceImage(api, imageId, signal) : null;
      if (image?.isProtected !== true) throw error;
      await unprotect(api, imageId, signal);
      await remove();
    });
  } catch (error) {
    if (!hasCode(error, 'IMAGE_NOT_FOUND')) throw error;
  }
}

/** https://docs.openstack.org/glance/latest/user/glanceapi.html, JSON patch of images v2.1 */
async function unprotect(api: Api, imageId: string, signal?: AbortSignal): Promise<void> {
  await api.ask({
    method: 'PATCH',
    path: `/images/${imageId}`,
    what: `take the protection from the image ${imageId}`,
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    json: [{ op: 'replace', path: '/protected', value: false }],
    signal,
  });
}

function isConflict(error: unknown): error is DarkroomError {
  return error instanceof DarkroomError && error.fields['status'] === 409;
}
