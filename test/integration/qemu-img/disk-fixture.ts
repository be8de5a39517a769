import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

export const MIB = 1024 * 1024;

/** A folder for each test file, gone afterwards. Its name holds what QEMU could take for syntax. */
export function useFolder(): { path(name: string): string } {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync('/var/tmp/darkroom-a:b,c d=');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { path: (name) => path.join(folder, name) };
}

/** Runs qemu-io commands on a disk, such as `write -P 7 0 64k`. */
export function qemuIo(disk: { path: string; format: string }, ...commands: string[]): string {
  const spec = JSON.stringify({ driver: disk.format, file: { driver: 'file', filename: disk.path } });
  return execFileSync('qemu-io', [...commands.flatMap((command) => ['-c', command]), `json:${spec}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** True when every byte of the range has the value. */
export function holds(disk: { path: string; format: string }, pattern: number, range: string): boolean {
  return !/failed/i.test(qemuIo(disk, `read -P ${pattern} ${range}`));
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
