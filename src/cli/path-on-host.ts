import path from 'node:path';
import { DarkroomError } from '../model/errors.ts';
import type { CommandContext } from './context.ts';

/** A path as the host that does the work knows it: there is no current folder on another one. */
export function pathOnHost({ host }: Pick<CommandContext, 'host'>, file: string): string {
  if (host === null || path.isAbsolute(file)) return path.resolve(file);
  const message = `'${file}' is a path on ${host}, where there is no current folder: it must be absolute.`;
  throw new DarkroomError('INVALID_REQUEST', message, { fields: { path: file, host } });
}
