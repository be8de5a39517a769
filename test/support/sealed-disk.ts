import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const SMALLEST_BYTES = 1024 ** 2;

/** By key: QEMU takes seconds of CPU for a new LUKS header, and none for a copy. They go with the process. */
const templates = new Map<string, string>();

/** An empty LUKS-encrypted qcow2 of that size under that key; `backing` as it is to stand in its header. */
export function createSealedDisk(
  file: string,
  { key, bytes, backing }: { readonly key: string; readonly bytes: number; readonly backing?: string },
): void {
  const template = templates.get(key) ?? createTemplate(key);
  templates.set(key, template);
  copyFileSync(template, file);
  const secret = ['--object', `secret,id=k,data=${key}`];
  const layer = { driver: 'qcow2', 'file.driver': 'file', 'file.filename': file, 'encrypt.key-secret': 'k' };
  const options = Object.entries(layer).map(([name, value]) => `${name}=${value}`);
  qemuImg('resize', '-q', ...secret, '--image-opts', options.join(','), String(bytes));
  if (backing !== undefined) {
    qemuImg('rebase', '-q', '-u', ...secret, '--image-opts', '-b', backing, '-F', 'qcow2', options.join(','));
  }
}

function createTemplate(key: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'dr-sealed-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'empty.qcow2');
  // SHA-512 is slow enough for QEMU to time its key derivation on a fast host, which it must
  const options = 'encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=10,encrypt.hash-alg=sha512';
  const secret = ['--object', `secret,id=k,data=${key}`];
  qemuImg('create', '-q', '-f', 'qcow2', ...secret, '-o', options, file, String(SMALLEST_BYTES));
  return file;
}

function qemuImg(...args: readonly string[]): void {
  execFileSync('qemu-img', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
