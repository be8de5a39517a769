import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';
import { createImage, recoverCreateImage } from './create-image.ts';
import { deleteImage, recoverDeleteImage } from './delete-image.ts';
import { deleteInstance, recoverDeleteInstance } from './delete-instance.ts';
import { exportImage, recoverExportImage } from './export-image.ts';
import { importImage, recoverImportImage } from './import-image.ts';
import { launchInstance, recoverLaunchInstance } from './launch-instance.ts';
import { offloadInstance } from './offload-instance.ts';
import { powerInstance } from './power-instance.ts';
import { recoverShelve, shelveInstance } from './shelve-instance.ts';
import { recoverRebootInstance, stopInstance } from './stop-instance.ts';
import type { OperationRunner } from './support/operation-runner.ts';
import type { RecoveryTable } from './support/recover-operations.ts';
import { recoverUnshelve, unshelveInstance } from './unshelve-instance.ts';
import { recoverVerifyImage, verifyImage } from './verify-image.ts';

/** How each kind of operation is put right after its process died; one that is not here leaves nothing to mend. */
export const RECOVERY: RecoveryTable = {
  'image.create': recoverCreateImage,
  'image.import': recoverImportImage,
  'image.export': recoverExportImage,
  'image.verify': recoverVerifyImage,
  'image.delete': recoverDeleteImage,
  'instance.launch': recoverLaunchInstance,
  'instance.delete': recoverDeleteInstance,
  'instance.reboot': recoverRebootInstance,
  'instance.shelve': recoverShelve,
  'instance.offload': recoverShelve,
  'instance.unshelve': recoverUnshelve,
};

export function startUseCase(runner: OperationRunner, request: OperationRequest): Promise<Operation> {
  switch (request.kind) {
    case 'image.create':
      return runner.start(createImage, request);
    case 'image.import':
      return runner.start(importImage, request);
    case 'image.export':
      return runner.start(exportImage, request);
    case 'image.verify':
      return runner.start(verifyImage, request);
    case 'image.delete':
      return runner.start(deleteImage, request);
    case 'instance.launch':
      return runner.start(launchInstance, request);
    case 'instance.delete':
      return runner.start(deleteInstance, request);
    case 'instance.start':
    case 'instance.pause':
    case 'instance.resume':
    case 'instance.suspend':
      return runner.start(powerInstance, request);
    case 'instance.stop':
    case 'instance.reboot':
      return runner.start(stopInstance, request);
    case 'instance.shelve':
      return runner.start(shelveInstance, request);
    case 'instance.offload':
      return runner.start(offloadInstance, request);
    case 'instance.unshelve':
      return runner.start(unshelveInstance, request);
    default: {
      const never: never = request;
      return never;
    }
  }
}
