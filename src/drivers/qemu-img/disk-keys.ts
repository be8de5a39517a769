import { openMemoryFile } from '../../lib/memory-file.ts';
import type { DiskKey } from '../../model/ports/key-source.ts';

/** The keys that one command needs, by the ids that its disks' nodes name them with. */
export interface DiskKeys {
  /** The same id for the same key. */
  idOf(key: DiskKey): string;
  /** In the order of their ids. */
  list(): readonly { readonly id: string; readonly key: DiskKey }[];
}

export function collectKeys(): DiskKeys {
  const ids = new Map<string, { readonly id: string; readonly key: DiskKey }>();
  return {
    idOf: (key) => {
      const known = ids.get(key.reveal()) ?? { id: `darkroom-key-${ids.size}`, key };
      ids.set(key.reveal(), known);
      return known.id;
    },
    list: () => [...ids.values()],
  };
}

/**
 * Runs `work` with the options that hand the keys to a QEMU tool (https://www.qemu.org/docs/master/system/secrets.html):
 * as files without a name, in memory only. QEMU cannot read them from the stdin that Node gives, which is a socket.
 */
export async function withSecrets<T>(
  keys: DiskKeys | undefined,
  work: (options: readonly string[]) => Promise<T>,
): Promise<T> {
  const options: string[] = [];
  const files: AsyncDisposable[] = [];
  try {
    for (const { id, key } of keys?.list() ?? []) {
      const file = await openMemoryFile(key.reveal());
      files.push(file);
      options.push('--object', `secret,id=${id},format=raw,file=${file.path}`);
    }
    return await work(options);
  } finally {
    await Promise.all(files.map((file) => file[Symbol.asyncDispose]()));
  }
}
