import { readFile } from 'node:fs/promises';
import { type Client, createClient } from '../api/client.ts';
import { createHttpsTransport, type HttpsOptions } from '../api/https-transport.ts';
import type { InventoryHost } from '../config/inventory.ts';
import { readSecretFile, readToken } from '../config/read-secret-file.ts';
import { DarkroomError } from '../model/errors.ts';

/** Speaks to the agent of a host of the inventory. INVALID_REQUEST when its certificates, key or token cannot be used. */
export async function openHost(host: InventoryHost, options: HttpsOptions): Promise<Client> {
  const { name, url, ca, certificate, key, tokenFile } = host;
  const identity =
    certificate === null || key === null
      ? null
      : { certificate: await readCertificate(certificate, 'certificate'), key: await readSecretFile(key, 'key') };
  const transport = createHttpsTransport(
    {
      host: name,
      url,
      ca: ca === null ? null : { file: ca, pem: await readCertificate(ca, 'ca') },
      identity,
      token: tokenFile === null ? null : await readToken(tokenFile),
    },
    options,
  );
  return createClient(transport);
}

async function readCertificate(file: string, option: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    throw new DarkroomError('INVALID_REQUEST', `${option}: ${file} cannot be read: ${seen}.`, {
      fields: { field: option, file },
      cause: error,
    });
  }
}
