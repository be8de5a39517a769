import type { Limits } from './http/limits.ts';

export type ServiceAuth =
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

/** How an image service is spoken to; the fields are those of the settings. */
export interface ImageServiceOptions {
  readonly name: string;
  /** URL of the Image API, with or without /v2; null: from the catalogue of the identity service. */
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly auth: ServiceAuth;
  /** PEM file of who signs their certificates; null: those that this system trusts. */
  readonly ca: string | null;
  /** Of requests; those that are absent are the usual ones. */
  readonly limits?: Partial<Limits>;
}
