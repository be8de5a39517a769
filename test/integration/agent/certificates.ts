import path from 'node:path';
import { runCommand } from '../../e2e/support/run-command.ts';

export interface Signed {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Signed {
  /** A certificate of that common name, for clients and servers at 127.0.0.1. */
  sign(name: string): Promise<Signed>;
}

export async function createAuthority(folder: string, name: string): Promise<Authority> {
  const own = files(folder, name);
  const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
  await runCommand('openssl', ['req', '-x509', ...subject, '-keyout', own.key, '-out', own.certificate]);
  return {
    ...own,
    sign: async (common) => {
      const { certificate, key } = files(folder, common);
      const request = path.join(folder, `${common}.csr`);
      await runCommand('openssl', [
        'req',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-subj',
        `/CN=${common}`,
        '-keyout',
        key,
        '-out',
        request,
      ]);
      const by = ['-CA', own.certificate, '-CAkey', own.key, '-CAcreateserial', '-days', '1'];
      await runCommand('openssl', ['x509', '-req', '-in', request, ...by, '-out', certificate]);
      return { certificate, key };
    },
  };
}

function files(folder: string, name: string): Signed {
  return { certificate: path.join(folder, `${name}.pem`), key: path.join(folder, `${name}.key`) };
}
