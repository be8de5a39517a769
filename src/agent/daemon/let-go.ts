import { withDeadline } from '../../lib/async.ts';
import type { Logger } from '../../lib/logger.ts';

/** A call to a libvirt that hangs never ends; when all work is done nothing depends on it any more. */
const LIMIT_MS = 5_000;

/** Lets go of what the application holds at the end of the scope, and of the attempt when that takes too long. */
export function letGoInTime(application: AsyncDisposable, log: Logger): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await withDeadline(
          Promise.resolve(application[Symbol.asyncDispose]()),
          LIMIT_MS,
          () => new Error(`not within ${LIMIT_MS} ms`),
        );
      } catch (error) {
        log.warn({ error: String(error) }, 'not everything was let go of in an orderly way');
      }
    },
  };
}
