import { existsSync } from 'node:fs';

/**
 * A built file that runs as a thread of its own, by its path below the build's folder. It is looked for upwards from
 * here, because a bundle moves this module but not that file.
 */
export function builtFile(path: string): URL {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    const file = new URL(path, folder);
    if (existsSync(file)) return file;
    if (folder.pathname === '/') throw new Error(`${path} is missing from the build`);
  }
}
