import { isOwner } from '../../model/access.ts';
import { toRetained } from '../../model/backup/retained-image.ts';
import { planRetention, type Retention } from '../../model/backup/retention.ts';
import { toDarkroomError } from '../../model/errors.ts';
import type { Core, OperationContext } from '../support/context.ts';
import { acquireLocks } from '../support/operation-locks.ts';
import { tryPurgeExpired } from './purge-expired.ts';
import { type Removals, removeImage } from './remove-image.ts';

export interface Rotation {
  readonly instanceId: string;
  readonly backupType: string;
  readonly retention: Retention;
}

/**
 * Deletes what a rule no longer keeps of one instance's backups of one type, oldest first. One that cannot be deleted is a
 * warning and holds up no other; nor does it harm the new backup.
 */
export async function rotateBackups(context: OperationContext, rotation: Rotation, signal: AbortSignal): Promise<void> {
  const going = (await planRotation(context, rotation)).filter(({ keep }) => keep.length === 0).reverse();
  const unfinished: Removals = new Map();
  for (const { backup } of going) {
    if (signal.aborted) return;
    try {
      await removeLocked(context, backup.id, unfinished);
    } catch (error) {
      const { code, message } = toDarkroomError(error);
      context.log.warn({ imageId: backup.id, code, error: message }, 'a backup could not be rotated out');
      context.operation.warn(`The backup ${backup.id} could not be rotated out: ${message}`);
    }
  }
  await tryPurgeExpired(context);
}

/** The caller's own, as the store has them now. */
async function planRotation(core: Core, { instanceId, backupType, retention }: Rotation) {
  const { images } = await core.store.listImages();
  const backups = images.filter(
    ({ owner, properties }) =>
      isOwner(core.caller, { owner }) &&
      properties['image_type'] === 'backup' &&
      properties['backup_type'] === backupType &&
      properties['instance_uuid'] === instanceId,
  );
  return planRetention(backups.map(toRetained), retention);
}

async function removeLocked(context: OperationContext, imageId: string, unfinished: Removals): Promise<void> {
  const claim = { operationId: `${context.operation.id}:${imageId}`, kind: 'backup.create' };
  await acquireLocks(context, { exclusive: [`image:${imageId}`], shared: [] }, claim);
  try {
    await removeImage(context, imageId, { unfinished });
  } finally {
    await context.locks.release(claim.operationId);
  }
}
