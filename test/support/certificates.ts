import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends KeyPair {
  /** A certificate with that subject, such as `/CN=ann`, signed by this authority. */
  sign(subject: string): KeyPair;
  dispose(): void;
}

/** A certificate authority of a test, by the openssl command. */
export function createAuthority(name: string): Authority {
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-ca-'));
  const at = (file: string) => path.join(folder, file);
  const read = (file: string) => readFileSync(at(file), 'utf8');
  const openssl = (...args: readonly string[]) => void execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', `/CN=${name}`);
  writeFileSync(at('san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  return {
    cert: read('ca.pem'),
    key: read('ca.key'),
    sign: (subject) => {
      openssl('req', ...newKey, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', subject, '-multivalue-rdn');
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
      openssl('x509', '-req', '-in', 'leaf.csr', ...by, '-days', '2', '-extfile', 'san', '-out', 'leaf.pem');
      return { cert: read('leaf.pem'), key: read('leaf.key') };
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
