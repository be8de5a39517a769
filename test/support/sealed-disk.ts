import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';

const SMALLEST_BYTES = 1024 ** 2;

/** An empty LUKS-encrypted qcow2 of that size under that key; `backing` as it is to stand in its header. */
export function createSealedDisk(
  file: string,
  { key, bytes, backing }: { readonly key: string; readonly bytes: number; readonly backing?: string },
): void {
  copyFileSync(templateOf(key), file);
  const secret = ['--object', `secret,id=k,data=${key}`];
  const layer = { driver: 'qcow2', 'file.driver': 'file', 'file.filename': file, 'encrypt.key-secret': 'k' };
  const options = Object.entries(layer).map(([name, value]) => `${name}=${value}`);
  qemuImg('resize', '-q', ...secret, '--image-opts', options.join(','), String(bytes));
  if (backing !== undefined) {
    qemuImg('rebase', '-q', '-u', ...secret, '--image-opts', '-b', backing, '-F', 'qcow2', options.join(','));
  }
}

/** QEMU takes seconds of CPU for a new LUKS header, and none for a copy: made by whoever needs it first. */
function templateOf(key: string): string {
  const file = path.join(inject('sealedFolder'), `${createHash('sha256').update(key).digest('hex')}.qcow2`);
  if (existsSync(file)) return file;
  const fresh = `${file}.${process.pid}`;
  // SHA-512 is slow enough for QEMU to time its key derivation on a fast host, which it must
  const options = 'encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10,encrypt.hash-alg=sha512';
  const secret = ['--object', `secret,id=k,data=${key}`];
  qemuImg('create', '-q', '-f', 'qcow2', ...secret, '-o', options, fresh, String(SMALLEST_BYTES));
  renameSync(fresh, file);
  return file;
}

function qemuImg(...args: readonly string[]): void {
  execFileSync('qemu-img', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
