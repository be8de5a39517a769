import type { Logger } from '../../lib/logger.ts';
import type { Application } from '../../operations/application.ts';
import type { Task } from '../background/guard-task.ts';

export interface PurgeParts {
  readonly purgeExpired: Application['purgeExpired'];
  readonly log: Pick<Logger, 'info'>;
}

/** Deleted images whose time to be brought back is over go for good. */
export function createPurgeTask({ purgeExpired, log }: PurgeParts): Task {
  return async () => {
    const imageIds = await purgeExpired();
    if (imageIds.length > 0) log.info({ imageIds }, 'the recycle period of deleted images is over');
  };
}
