import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

export const MIB = 1024 * 1024;

export interface Folder {
  path(name: string): string;
}

/** A folder on the disk of this machine, gone afterwards. */
export function useFolder(): Folder {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync('/var/tmp/darkroom-host-');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return { path: (name) => path.join(folder, name) };
}

/** A file system of its own, mounted for this test file only: XFS with shared blocks, or a small tmpfs. */
export function useFileSystem(parent: Folder, kind: 'xfs' | 'tmpfs' | 'ramfs', sizeMib: number): Folder {
  const name = `mount-${kind}-${sizeMib}`;
  beforeAll(() => {
    mkdirSync(parent.path(name));
    if (kind === 'xfs') mountXfs(parent, name, sizeMib);
    else run('mount', '-t', kind, '-o', `size=${sizeMib}m`, kind, parent.path(name));
  });
  afterAll(() => run('umount', parent.path(name)));
  return { path: (file) => path.join(parent.path(name), file) };
}

export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

export function run(file: string, ...args: string[]): string {
  return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim();
}

function mountXfs(parent: Folder, name: string, sizeMib: number): void {
  const disk = parent.path(`${name}.disk`);
  writeFileSync(disk, '');
  truncateSync(disk, sizeMib * MIB);
  run('mkfs.xfs', '-q', '-m', 'reflink=1', disk);
  run('mount', '-o', 'loop', disk, parent.path(name));
}
