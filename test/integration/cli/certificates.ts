import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface KeyPair {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly certificate: string;
  readonly key: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeAuthority(folder: string, name: string): KeyPair {
  const files = filesOf(folder, name);
  openssl(
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    files.key,
    '-out',
    files.certificate,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
  return read(files);
}

/** A certificate of an authority, for names such as `DNS:node2` or `IP:127.0.0.1`; with negative days it has expired. */
export function makeCertificate(
  folder: string,
  options: { readonly name: string; readonly issuer: KeyPair; readonly for: string; readonly days?: number },
): KeyPair {
  const files = filesOf(folder, options.name);
  const request = path.join(folder, `${options.name}.csr`);
  const extensions = path.join(folder, `${options.name}.ext`);
  writeFileSync(extensions, `subjectAltName=${options.for}\n`);
  openssl('req', '-new', ...NEW_KEY, '-keyout', files.key, '-out', request, '-subj', `/CN=${options.name}`);
  openssl(
    ...['x509', '-req', '-in', request, '-out', files.certificate, '-extfile', extensions],
    ...['-CA', options.issuer.certificateFile, '-CAkey', options.issuer.keyFile, '-CAcreateserial'],
    ...['-days', String(options.days ?? 2)],
  );
  return read(files);
}

function filesOf(folder: string, name: string): { readonly certificate: string; readonly key: string } {
  return { certificate: path.join(folder, `${name}.crt`), key: path.join(folder, `${name}.key`) };
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function read({ certificate, key }: { readonly certificate: string; readonly key: string }): KeyPair {
  return {
    certificateFile: certificate,
    keyFile: key,
    certificate: readFileSync(certificate, 'utf8'),
    key: readFileSync(key, 'utf8'),
  };
}
