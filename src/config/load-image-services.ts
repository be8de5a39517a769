import type { ImageServiceAccess } from '../model/store-access.ts';
import type { ServiceEntry } from './glance-schema.ts';

/** The domain that every Keystone has. */
const DOMAIN = 'Default';

/** An image service of the settings file, whose schema has seen to it that nothing is missing. */
export function nameImageService([name, entry]: readonly [string, ServiceEntry]): ImageServiceAccess {
  return {
    name,
    endpoint: entry.endpoint ?? null,
    region: entry.region ?? null,
    interface: entry.interface ?? 'public',
    auth: readAuth(entry),
    ca: entry.ca ?? null,
  };
}

function readAuth(entry: ServiceEntry): ImageServiceAccess['auth'] {
  const authUrl = entry.auth_url ?? '';
  switch (entry.auth) {
    case 'password':
      return {
        kind: 'password',
        authUrl,
        username: entry.username ?? '',
        userDomain: entry.user_domain ?? DOMAIN,
        passwordFile: entry.password_file ?? '',
        project: entry.project ?? '',
        projectDomain: entry.project_domain ?? entry.user_domain ?? DOMAIN,
      };
    case 'application_credential':
      return {
        kind: 'application_credential',
        authUrl,
        id: entry.application_credential_id ?? '',
        secretFile: entry.application_credential_secret_file ?? '',
      };
    default:
      return { kind: 'none' };
  }
}
