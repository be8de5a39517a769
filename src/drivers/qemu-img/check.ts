import { z } from 'zod';
import type { CheckResult, DiskFile } from '../../model/ports/disk-tool.ts';
import { collectKeys } from './disk-keys.ts';
import { nameDisk } from './open-disk.ts';
import { parseJson } from './parse-json.ts';
import { plainPath, runQemuImg } from './run-qemu-img.ts';

const EXIT = { sound: 0, corrupt: 2, leaks: 3, notSupported: 63 } as const;

const count = z.number().int().nonnegative().default(0);
const checkSchema = z.object({ corruptions: count, leaks: count, 'check-errors': count });

/**
 * `qemu-img check`: compares the metadata of an image that nobody has open. Leaked clusters waste space and harm no
 * data, so they leave it sound. A format without metadata to check (raw) is always sound. What it stands on is not opened.
 */
export async function checkDisk(disk: DiskFile, signal?: AbortSignal): Promise<CheckResult> {
  const path = plainPath(disk.path);
  const keys = collectKeys();
  const isLayered = disk.format === 'qcow2';
  const name = await nameDisk(disk, { keys, signal, ...(isLayered ? { backing: null } : {}) });
  const { stdout, exitCode } = await runQemuImg('check', ['--output=json', '-f', disk.format, '--', name], {
    on: path,
    keys,
    acceptExitCodes: Object.values(EXIT),
    ...(signal && { signal }),
  });
  if (exitCode === EXIT.notSupported) return { isSound: true, corruptions: 0, leaks: 0, checkErrors: 0 };
  const {
    corruptions,
    leaks,
    'check-errors': checkErrors,
  } = parseJson(stdout, checkSchema, {
    subcommand: 'check',
    disk: path,
  });
  const isSound = exitCode !== EXIT.corrupt && corruptions === 0 && checkErrors === 0;
  return { isSound, corruptions, leaks, checkErrors };
}
