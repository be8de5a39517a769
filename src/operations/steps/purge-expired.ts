import { toDarkroomError } from '../../model/errors.ts';
import type { Core } from '../support/context.ts';

/**
 * Deletes for good what was deleted long enough ago, and ends purges that were cut short. Every host of a store does it: of
 * many who purge one image, or restore it, the store lets one succeed. Returns the ids; the first failure is thrown last.
 */
export async function purgeExpired(core: Core): Promise<readonly string[]> {
  const { recycled, halfPurgedIds } = await core.store.listRecycled();
  const now = core.clock.now().getTime();
  const due = recycled.filter(({ expiresAt }) => Date.parse(expiresAt) <= now).map(({ id }) => id);
  const purged: string[] = [];
  const failures: unknown[] = [];
  for (const id of [...halfPurgedIds, ...due]) {
    try {
      await core.store.purgeRecycled(id);
      purged.push(id);
    } catch (error) {
      core.log.debug({ imageId: id, error: toDarkroomError(error).message }, 'a deleted image could not be purged');
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return purged;
}

/** The same in passing, for hosts where no agent runs. What fails is tried again by whoever comes next. */
export async function tryPurgeExpired(core: Core): Promise<void> {
  if (core.settings.recyclePeriodMs === 0) return;
  await purgeExpired(core).catch((error: unknown) =>
    core.log.debug({ error: toDarkroomError(error).message }, 'deleted images were not looked through'),
  );
}
