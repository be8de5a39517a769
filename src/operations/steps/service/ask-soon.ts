import { DarkroomError, hasCode } from '../../../model/errors.ts';
import type { ImageService } from '../../../model/ports/image-service.ts';

/** Somebody waits for it, or an agent for its start. */
const PATIENCE_MS = 15_000;

/** Asks a service for something that is quickly done: IMAGE_SERVICE_UNUSABLE where it takes longer. */
export async function askSoon<T>(service: ImageService, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await work(limit);
  } catch (error) {
    if (!limit.aborted || !hasCode(error, 'CANCELLED')) throw error;
    const { name, location } = service.description;
    throw new DarkroomError(
      'IMAGE_SERVICE_UNUSABLE',
      `The image service ${name} (${location}) gave no good answer within ${PATIENCE_MS / 1000} s. Look whether it runs, and try again.`,
      { fields: { service: name }, cause: error },
    );
  }
}
