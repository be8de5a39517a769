import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Settings } from '../../config/settings.ts';
import { DarkroomError } from '../../model/errors.ts';

/** What a TLS server is made of, read and proved to fit together. */
export type Certificates = SecureContextOptions & { readonly minVersion: 'TLSv1.2' };

/** INVALID_REQUEST when a file is not named, cannot be read, or is not what it should be. */
export async function readCertificates({ certificate, key, clientCa }: Settings['tls']): Promise<Certificates> {
  const certificates: Certificates = {
    minVersion: 'TLSv1.2',
    cert: await readPem('tls.certificate', certificate),
    key: await readPem('tls.key', key),
    // none at all, rather than all that Node trusts: anybody gets a certificate from those, with any name in it
    ca: clientCa === null ? [] : [await readPem('tls.client_ca', clientCa)],
  };
  try {
    createSecureContext(certificates);
  } catch (error) {
    const files = [certificate, key, clientCa].filter((file) => file !== null).join(', ');
    throw invalid(`The certificates do not fit together (${files}): ${messageOf(error)}.`, error);
  }
  return certificates;
}

async function readPem(setting: string, file: string | null): Promise<string> {
  if (file === null) {
    throw invalid(`To listen on TCP the agent needs a certificate and its key: ${setting} is not set.`, undefined);
  }
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw invalid(`${setting}: cannot read ${file}: ${messageOf(error)}.`, error);
  }
}

function invalid(message: string, cause: unknown): DarkroomError {
  return new DarkroomError('INVALID_REQUEST', message, { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
