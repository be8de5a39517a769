import { requireBackupType, requireRetention } from '../model/backup/backup-request-rules.ts';
import { requireImageName, requireProperties } from '../model/image-request-rules.ts';
import type { CreateBackupRequest } from '../model/requests.ts';
import { removalPlanSchema } from './delete-image.ts';
import { type CaptureInput, captureLocks, captureToImage, recoverCapture } from './steps/capture/capture-to-image.ts';
import { findInstance } from './steps/find-instance.ts';
import { recoverRemoval } from './steps/remove-image.ts';
import { type Rotation, rotateBackups } from './steps/rotate-backups.ts';
import type { Recover, UseCase } from './support/use-case.ts';

interface BackupInput {
  readonly capture: CaptureInput;
  readonly rotation: Rotation;
}

/** An image of a guest under a type; once it is there, those that its rule no longer keeps go. */
export const createBackup: UseCase<CreateBackupRequest, BackupInput> = {
  prepare: async (core, request) => {
    requireImageName(request.name);
    requireBackupType(request.backupType);
    requireRetention(request.retention);
    requireProperties(request.properties);
    const { uuid, name } = await findInstance(core, request.instance);
    const { backupType, retention } = request;
    return {
      target: name,
      locks: captureLocks(uuid),
      input: {
        capture: {
          instanceId: uuid,
          request: { ...request, isGeneralized: false, isEncrypted: false },
          type: { imageType: 'backup', backupType },
        },
        rotation: { instanceId: uuid, backupType, retention },
      },
    };
  },
  run: async (context, { capture, rotation }, signal) => {
    const image = await captureToImage(context, capture, signal);
    const result = { imageId: image.id, instanceId: capture.instanceId };
    if (!context.operation.isSettled) {
      context.operation.warn(
        'Nothing was rotated out, since the thaw of the guest is not confirmed. The next backup does it.',
      );
      return result;
    }
    await context.operation.announce('rotate');
    try {
      await rotateBackups(context, rotation, signal);
    } catch (error) {
      context.operation.warn(`The backup is there, but others could not be rotated out: ${String(error)}`);
    }
    return result;
  },
};

/** Of the capture before the backup was there, of the deletion that went on afterwards. */
export const recoverCreateBackup: Recover = async (core, unfinished) => {
  const removal = removalPlanSchema.safeParse(unfinished.plan);
  return removal.success ? await recoverRemoval(core, removal.data) : await recoverCapture(core, unfinished);
};
