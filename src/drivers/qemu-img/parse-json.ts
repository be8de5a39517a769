import type { z } from 'zod';
import { DarkroomError } from '../../model/errors.ts';

/** What qemu-img printed, through its schema. Throws QEMU_IMG_FAILED when it is something else. */
export function parseJson<T>(
  text: string,
  schema: z.ZodType<T>,
  about: { readonly subcommand: string; readonly disk: string },
): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const message = `qemu-img ${about.subcommand} on ${about.disk} printed what this version of Darkroom does not understand`;
    throw new DarkroomError('QEMU_IMG_FAILED', message, { fields: { ...about, exitCode: 0 }, cause: error });
  }
}
