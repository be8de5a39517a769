import { stat } from 'node:fs/promises';

/** A node of QEMU's block graph (BlockdevOptions, https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html). */
export interface BlockSpec {
  readonly [option: string]: string | boolean | null | readonly string[] | BlockSpec;
}

/** The node as a name that every QEMU tool opens where it takes a disk's path. */
export function toJsonName(spec: BlockSpec): string {
  return `json:${JSON.stringify(spec)}`;
}

/** What lies at this path, as bytes: a file or a block device, never guessed by QEMU itself. */
export async function describeFile(path: string): Promise<BlockSpec> {
  const isDevice = await stat(path).then(
    (found) => found.isBlockDevice(),
    () => false,
  );
  return { driver: isDevice ? 'host_device' : 'file', filename: path };
}
