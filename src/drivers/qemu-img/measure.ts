import { z } from 'zod';
import type { DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { parseJson } from './parse-json.ts';
import { plainPath, runQemuImg } from './run-qemu-img.ts';

const measureSchema = z.object({ required: z.number().int().nonnegative() });

/** `qemu-img measure`: bytes that a flat copy of the chain needs at most. A running guest may have it open. */
export async function measureDisk(
  source: DiskFile,
  targetFormat: 'qcow2' | 'raw',
  signal?: AbortSignal,
): Promise<number> {
  const path = plainPath(source.path);
  const keys = collectKeys();
  const name = await nameDisk(source, { keys, signal });
  const args = ['--force-share', '--output=json', '-f', source.format, '-O', targetFormat, '--', name];
  const { stdout } = await runQemuImg('measure', args, { on: path, keys, ...(signal && { signal }) });
  return parseJson(stdout, measureSchema, { subcommand: 'measure', disk: path }).required;
}
