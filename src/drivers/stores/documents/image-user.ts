import { z } from 'zod';
import type { ImageUser } from '../../../model/image.ts';

/** Of a few hundred bytes; a longer one was not written by us. */
export const MAX_USER_BYTES = 64 * 1024;

const userDocument = z.object({ instanceName: z.string(), host: z.string(), since: z.string() });

/** A document that cannot be read still counts: better an image too many than a guest without its disk. */
export function parseUser(text: string, instanceId: string): ImageUser {
  try {
    return { instanceId, ...userDocument.parse(JSON.parse(text)) };
  } catch {
    return unknownUser(instanceId);
  }
}

export function unknownUser(instanceId: string): ImageUser {
  return { instanceId, instanceName: instanceId, host: 'unknown', since: 'unknown' };
}

export function serialiseUser(user: ImageUser): string {
  return `${JSON.stringify({ version: 1, ...user }, null, 2)}\n`;
}
