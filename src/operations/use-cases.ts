import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';
import { consolidateSnapshots, recoverConsolidateSnapshots } from './consolidate-snapshots.ts';
import { copyImage, recoverCopyImage } from './copy-image.ts';
import { copySnapshot, recoverCopySnapshot } from './copy-snapshot.ts';
import { createBackup, recoverCreateBackup } from './create-backup.ts';
import { createImage, recoverCreateImage } from './create-image.ts';
import { createSnapshot, recoverCreateSnapshot } from './create-snapshot.ts';
import { createVolume, recoverCreateVolume } from './create-volume.ts';
import { deleteImage, recoverDeleteImage } from './delete-image.ts';
import { deleteInstance, recoverDeleteInstance } from './delete-instance.ts';
import { deleteSnapshot, recoverDeleteSnapshot } from './delete-snapshot.ts';
import { exportImage, recoverExportImage } from './export-image.ts';
import { exportSnapshot, recoverExportSnapshot } from './export-snapshot.ts';
import { imageFromSnapshot, recoverImageFromSnapshot } from './image-from-snapshot.ts';
import { importImage, recoverImportImage } from './import-image.ts';
import { importSnapshot, recoverImportSnapshot } from './import-snapshot.ts';
import { launchInstance, recoverLaunchInstance } from './launch-instance.ts';
import { mountSnapshot, recoverMountSnapshot } from './mount-snapshot.ts';
import { offloadInstance } from './offload-instance.ts';
import { powerInstance } from './power-instance.ts';
import { pullImage, recoverPullImage } from './pull-image.ts';
import { pushImage, recoverPushImage } from './push-image.ts';
import { recoverRestoreSnapshot, restoreSnapshot } from './restore-snapshot.ts';
import { recoverShelve, shelveInstance } from './shelve-instance.ts';
import { recoverRebootInstance, stopInstance } from './stop-instance.ts';
import type { OperationRunner, StartOptions } from './support/operation-runner.ts';
import type { RecoveryTable } from './support/recover-operations.ts';
import { recoverUnshelve, unshelveInstance } from './unshelve-instance.ts';
import { recoverVerifyImage, verifyImage } from './verify-image.ts';
import { recoverVerifySnapshot, verifySnapshot } from './verify-snapshot.ts';

/** How each kind of operation is put right after its process died; one that is not here leaves nothing to mend. */
export const RECOVERY: RecoveryTable = {
  'image.create': recoverCreateImage,
  'backup.create': recoverCreateBackup,
  'image.import': recoverImportImage,
  'image.export': recoverExportImage,
  'image.verify': recoverVerifyImage,
  'image.copy': recoverCopyImage,
  'image.push': recoverPushImage,
  'image.pull': recoverPullImage,
  'image.delete': recoverDeleteImage,
  'snapshot.create': recoverCreateSnapshot,
  'snapshot.delete': recoverDeleteSnapshot,
  'snapshot.consolidate': recoverConsolidateSnapshots,
  'snapshot.restore': recoverRestoreSnapshot,
  'volume.create': recoverCreateVolume,
  'image.from-snapshot': recoverImageFromSnapshot,
  'snapshot.verify': recoverVerifySnapshot,
  'snapshot.export': recoverExportSnapshot,
  'snapshot.import': recoverImportSnapshot,
  'snapshot.copy': recoverCopySnapshot,
  'snapshot.mount': recoverMountSnapshot,
  'instance.launch': recoverLaunchInstance,
  'instance.delete': recoverDeleteInstance,
  'instance.reboot': recoverRebootInstance,
  'instance.shelve': recoverShelve,
  'instance.offload': recoverShelve,
  'instance.unshelve': recoverUnshelve,
};

export function startUseCase(
  runner: OperationRunner,
  request: OperationRequest,
  options: StartOptions,
): Promise<Operation> {
  switch (request.kind) {
    case 'image.create':
      return runner.startOnce(createImage, request, options);
    case 'backup.create':
      return runner.startOnce(createBackup, request, options);
    case 'image.import':
      return runner.startOnce(importImage, request, options);
    case 'image.export':
      return runner.startOnce(exportImage, request, options);
    case 'image.verify':
      return runner.startOnce(verifyImage, request, options);
    case 'image.copy':
      return runner.startOnce(copyImage, request, options);
    case 'image.push':
      return runner.startOnce(pushImage, request, options);
    case 'image.pull':
      return runner.startOnce(pullImage, request, options);
    case 'image.delete':
      return runner.startOnce(deleteImage, request, options);
    case 'snapshot.create':
      return runner.startOnce(createSnapshot, request, options);
    case 'snapshot.delete':
      return runner.startOnce(deleteSnapshot, request, options);
    case 'snapshot.consolidate':
      return runner.startOnce(consolidateSnapshots, request, options);
    case 'snapshot.restore':
      return runner.startOnce(restoreSnapshot, request, options);
    case 'volume.create':
      return runner.startOnce(createVolume, request, options);
    case 'image.from-snapshot':
      return runner.startOnce(imageFromSnapshot, request, options);
    case 'snapshot.verify':
      return runner.startOnce(verifySnapshot, request, options);
    case 'snapshot.export':
      return runner.startOnce(exportSnapshot, request, options);
    case 'snapshot.import':
      return runner.startOnce(importSnapshot, request, options);
    case 'snapshot.copy':
      return runner.startOnce(copySnapshot, request, options);
    case 'snapshot.mount':
      return runner.startOnce(mountSnapshot, request, options);
    case 'instance.launch':
      return runner.startOnce(launchInstance, request, options);
    case 'instance.delete':
      return runner.startOnce(deleteInstance, request, options);
    case 'instance.start':
    case 'instance.pause':
    case 'instance.resume':
    case 'instance.suspend':
      return runner.startOnce(powerInstance, request, options);
    case 'instance.stop':
    case 'instance.reboot':
      return runner.startOnce(stopInstance, request, options);
    case 'instance.shelve':
      return runner.startOnce(shelveInstance, request, options);
    case 'instance.offload':
      return runner.startOnce(offloadInstance, request, options);
    case 'instance.unshelve':
      return runner.startOnce(unshelveInstance, request, options);
    default: {
      const never: never = request;
      return never;
    }
  }
}
