import { DarkroomError } from '../../model/errors.ts';
import type { ImageService, ImageServices } from '../../model/ports/image-service.ts';
import type { StoreDescription } from '../../model/store.ts';
import { createImageService } from './create-image-service.ts';
import type { ImageServiceOptions } from './service-options.ts';

export type { ImageServiceOptions } from './service-options.ts';

const PREFIX = 'glance:';

/** Image services that the configuration names; each keeps its token. Nothing is touched before the first call. */
export function createImageServices(options: readonly ImageServiceOptions[]): ImageServices {
  const opened = new Map<string, ImageService>();
  return {
    list: () => options.map(describe),
    open: (reference) => {
      const name = reference.startsWith(PREFIX) ? reference.slice(PREFIX.length) : reference;
      const found = options.find((option) => option.name === name);
      if (found === undefined) throw notFound(reference, options);
      const service = opened.get(name) ?? createImageService(describe(found), found);
      opened.set(name, service);
      return service;
    },
  };
}

function describe({ name, endpoint, auth }: ImageServiceOptions): StoreDescription {
  return {
    name: `${PREFIX}${name}`,
    kind: 'glance',
    location: endpoint ?? ('authUrl' in auth ? auth.authUrl : ''),
    isDefault: false,
  };
}

function notFound(reference: string, options: readonly ImageServiceOptions[]): DarkroomError {
  const known = options.map(({ name }) => name).join(', ');
  const remedy = known === '' ? 'The configuration names none, below glance.' : `There are: ${known}.`;
  return new DarkroomError(
    'STORE_NOT_FOUND',
    `There is no image service called ${JSON.stringify(reference)}. ${remedy}`,
    {
      fields: { service: reference },
    },
  );
}
