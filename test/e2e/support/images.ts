import path from 'node:path';
import { imageSchema } from '../../../src/api/schemas/images.ts';
import type { Image } from '../../../src/model/image.ts';
import { runCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';

/** The image that `--json` printed. */
export function parseImage(printed: unknown): Image {
  return imageSchema.parse(printed);
}

export function imageFilePath(store: string, image: Image, target = 'vda'): string {
  const disk = image.disks.find((candidate) => candidate.target === target);
  if (disk === undefined) throw new Error(`the image ${image.name} has no disk ${target}`);
  return path.join(store, 'images', image.id, disk.file);
}

/** A file in the ext4 file system that fills a disk of an image, read without any guest. */
export async function readFileInImage(
  store: string,
  image: Image,
  where: { readonly target?: string; readonly path: string },
): Promise<string> {
  await using folder = await createTestFolder();
  const raw = path.join(folder.path, 'disk.raw');
  const source = imageFilePath(store, image, where.target);
  await runCommand('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', source, raw]);
  // awaited here: the folder goes when this function returns
  return await runCommand('debugfs', ['-R', `cat ${where.path}`, raw]);
}
