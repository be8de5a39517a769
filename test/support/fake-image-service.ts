import { readFileSync, writeFileSync } from 'node:fs';
import { DarkroomError } from '../../src/model/errors.ts';
import type { ImageService, ImageServices, ServiceImage } from '../../src/model/ports/image-service.ts';

export interface FakeImageService extends ImageService {
  /** What it has, with its data. */
  readonly images: ReadonlyMap<string, { readonly image: ServiceImage; readonly data: string | null }>;
  /** As if somebody else had made it. */
  add(changes: Partial<ServiceImage>, data: string): ServiceImage;
}

/** An image service in memory, called `glance:main`. Its hashes are the data itself. */
export function createFakeImageService(): FakeImageService {
  const images = new Map<string, { image: ServiceImage; data: string | null }>();
  const require = (id: string) => {
    const found = images.get(id);
    if (found === undefined) throw new DarkroomError('IMAGE_NOT_FOUND', `There is no image ${id}`);
    return found;
  };
  const add: FakeImageService['add'] = (changes, data) => {
    const image = { ...BLANK, sizeBytes: data.length, ...changes };
    images.set(image.id, { image, data });
    return image;
  };
  return {
    description: { name: 'glance:main', kind: 'glance', location: 'http://glance', isDefault: false },
    images,
    add,
    check: async () => undefined,
    find: async (reference) => {
      const named = [...images.values()].find(({ image }) => image.name === reference);
      return named?.image ?? require(reference).image;
    },
    create: async ({ id, name, diskFormat, minDiskGiB, minMemoryMiB, visibility, isProtected, properties }) => {
      const stated = { id, name, diskFormat, minDiskGiB, minMemoryMiB, visibility, isProtected, properties };
      const image: ServiceImage = { ...BLANK, ...stated, status: 'queued' };
      images.set(id, { image, data: null });
      return image;
    },
    upload: async (id, path, options) => {
      const data = readFileSync(path, 'latin1');
      options?.onBytes?.(data.length);
      return add({ ...require(id).image, status: 'active', sizeBytes: data.length }, data);
    },
    download: async ({ id }, path, options) => {
      const data = require(id).data ?? '';
      writeFileSync(path, data, 'latin1');
      options?.onBytes?.(data.length);
    },
    holds: async (id, path) => images.get(id)?.data === readFileSync(path, 'latin1'),
    delete: async (id) => void images.delete(id),
  };
}

/** One service, under the name `main`. */
export function servicesOf(service: ImageService): ImageServices {
  return {
    list: () => [service.description],
    open: (name) => {
      if (name === 'main' || name === service.description.name) return service;
      throw new DarkroomError('STORE_NOT_FOUND', `There is no image service called ${name}`);
    },
  };
}

const BLANK: ServiceImage = {
  id: '5d3b3e0e-3f3c-4b39-9a57-0a7f7c3c9d11',
  name: 'theirs',
  status: 'active',
  diskFormat: 'qcow2',
  containerFormat: 'bare',
  sizeBytes: null,
  virtualSizeBytes: null,
  minDiskGiB: 0,
  minMemoryMiB: 0,
  visibility: 'private',
  isProtected: false,
  owner: null,
  createdAt: '2024-03-01T12:00:00Z',
  hash: null,
  properties: {},
};
