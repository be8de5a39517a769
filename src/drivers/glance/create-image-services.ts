import { DarkroomError } from '../../model/errors.ts';
import type { ImageServices } from '../../model/ports/image-service.ts';

/** How an image service is spoken to; the fields are those of the settings. */
export interface ImageServiceOptions {
  readonly name: string;
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly auth:
    | { readonly kind: 'none' }
    | {
        readonly kind: 'password';
        readonly authUrl: string;
        readonly username: string;
        readonly userDomain: string;
        readonly passwordFile: string;
        readonly project: string;
        readonly projectDomain: string;
      }
    | {
        readonly kind: 'application_credential';
        readonly authUrl: string;
        readonly id: string;
        readonly secretFile: string;
      };
  readonly ca: string | null;
}

/** Image services that the configuration names. Nothing is touched before the first call. */
export function createImageServices(options: readonly ImageServiceOptions[]): ImageServices {
  return {
    list: () =>
      options.map(({ name, endpoint, auth }) => ({
        name: `glance:${name}`,
        kind: 'glance',
        location: endpoint ?? ('authUrl' in auth ? auth.authUrl : ''),
        isDefault: false,
      })),
    open: (name) => {
      throw new DarkroomError('STORE_NOT_FOUND', `There is no image service called ${JSON.stringify(name)}.`);
    },
  };
}
