/** How an S3 server is spoken to. */
export interface S3Access {
  /** URL; null: that of the credentials' profile or of Amazon. */
  readonly endpoint: string | null;
  readonly region: string;
  /** The bucket in the path, not in the host name. */
  readonly isPathStyle: boolean;
  /** In the format of ~/.aws/credentials, readable by its owner alone; null: the standard chain. */
  readonly credentialsFile: string | null;
  readonly profile: string | null;
  /** Encryption by the server. */
  readonly serverSideEncryption: 'AES256' | 'aws:kms' | null;
  readonly kmsKeyId: string | null;
  /** Of multipart uploads and ranged downloads; grows with files that would have more than 10,000 parts. */
  readonly partBytes: number;
  /** Requests at once for one file. */
  readonly concurrency: number;
  /** How long a request that may be repeated is repeated, with back-off. */
  readonly retryForMs: number;
}

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

/** An image service, and how to speak to it; files hold one secret each, readable by their owner alone. */
export interface ImageServiceAccess {
  readonly name: string;
  /** URL of the Image API; null: from the catalogue of the identity service. */
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly auth: ServiceAuth;
  /** PEM file of who signs their certificates; null: those that this system trusts. */
  readonly ca: string | null;
}
