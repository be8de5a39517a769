import { realpath } from 'node:fs/promises';
import { DarkroomError } from '../../model/errors.ts';
import {
  type DiskFile,
  type DiskFileInfo,
  READABLE_FORMATS,
  type ReadableFormat,
} from '../../model/ports/disk-tool.ts';
import { isProtocolName } from './backing-name.ts';
import { readDiskInfo } from './info.ts';

const MAX_LAYERS = 200;

/**
 * `qemu-img info` of every layer, top first, one at a time and each with the format that its overlay's header states:
 * nothing is probed. Throws DISK_UNSUPPORTED for a layer without a stated format, one that is not a file of this host,
 * a loop, and more than 200 layers; DISK_MISSING for a layer that is not there.
 */
export async function readDiskChain(disk: DiskFile, signal?: AbortSignal): Promise<readonly DiskFileInfo[]> {
  const layers: DiskFileInfo[] = [];
  const seen = new Set<string>();
  for (let next: DiskFile | null = disk; next !== null; ) {
    if (layers.length === MAX_LAYERS) throw unsupported(disk, `it has more than ${MAX_LAYERS} layers`);
    const place = await findPlace(next, disk);
    if (seen.has(place)) throw unsupported(disk, `its backing chain comes back to ${next.path}`);
    seen.add(place);
    const info = await readDiskInfo(next, signal);
    layers.push(info);
    next = findBacking(info);
  }
  return layers;
}

async function findPlace(layer: DiskFile, top: DiskFile): Promise<string> {
  try {
    return await realpath(layer.path);
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isGone) throw error;
    const chain = layer.path === top.path ? '' : `, in the backing chain of ${top.path}`;
    throw new DarkroomError('DISK_MISSING', `${layer.path}${chain} does not exist: put it back or take the disk out`, {
      fields: { disk: layer.path, top: top.path },
      cause: error,
    });
  }
}

function findBacking(layer: DiskFileInfo): DiskFile | null {
  if (layer.backing === null) return null;
  const { name, path, format } = layer.backing;
  if (isProtocolName(name)) throw unsupported(layer, `its backing file ${name} is not a file of this host`);
  if (format === null) {
    throw unsupported(
      layer,
      `its header does not say what format its backing file ${name} has, and guessing is not safe`,
      `state it: qemu-img rebase -u -f ${layer.format} -b '${name}' -F FORMAT '${layer.path}'`,
    );
  }
  if (!isReadable(format)) throw unsupported(layer, `its backing file ${name} has format ${format}`);
  return { path, format };
}

function isReadable(format: string): format is ReadableFormat {
  return READABLE_FORMATS.some((readable) => readable === format);
}

function unsupported(disk: { readonly path: string }, reason: string, remedy?: string): DarkroomError {
  const advice = remedy === undefined ? '' : `; ${remedy}`;
  return new DarkroomError('DISK_UNSUPPORTED', `${disk.path} cannot be used: ${reason}${advice}`, {
    fields: { disk: disk.path },
  });
}
