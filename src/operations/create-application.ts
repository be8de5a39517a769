import { DarkroomError } from '../model/errors.ts';
import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';
import type { Application } from './application.ts';
import { createImage, recoverCreateImage } from './create-image.ts';
import { deleteImage, recoverDeleteImage } from './delete-image.ts';
import { deleteInstance, recoverDeleteInstance } from './delete-instance.ts';
import { diagnoseHost } from './diagnose-host.ts';
import { exportImage, recoverExportImage } from './export-image.ts';
import { importImage, recoverImportImage } from './import-image.ts';
import { launchInstance, recoverLaunchInstance } from './launch-instance.ts';
import { listImages, showImage } from './list-images.ts';
import { listInstances, showInstance } from './list-instances.ts';
import { listVolumes, showVolume } from './list-volumes.ts';
import { powerInstance } from './power-instance.ts';
import { stopInstance } from './stop-instance.ts';
import type { Core } from './support/context.ts';
import { OperationRunner } from './support/operation-runner.ts';
import { type RecoveryTable, recoverOperations } from './support/recover-operations.ts';
import { watchOperation } from './support/watch-operation.ts';
import { updateImage } from './update-image.ts';
import { recoverVerifyImage, verifyImage } from './verify-image.ts';

const RECOVERY: RecoveryTable = {
  'image.create': recoverCreateImage,
  'image.import': recoverImportImage,
  'image.export': recoverExportImage,
  'image.verify': recoverVerifyImage,
  'image.delete': recoverDeleteImage,
  'instance.launch': recoverLaunchInstance,
  'instance.delete': recoverDeleteInstance,
};

/** The use cases over one host, as whoever serves them sees it. `close` ends what the core was made of. */
export function createApplication(core: Core, close: () => Promise<void>): Application {
  const runner = new OperationRunner(core);
  return {
    images: {
      list: (filter) => listImages(core, filter),
      show: (reference) => showImage(core, reference),
      update: (reference, changes) => updateImage(core, reference, changes),
    },
    instances: {
      list: () => listInstances(core),
      show: (reference) => showInstance(core, reference),
    },
    volumes: {
      list: (filter) => listVolumes(core, filter),
      show: (id) => showVolume(core, id),
    },
    operations: {
      submit: (request) => submit(runner, request),
      list: async (filter) => (await core.journal.list(filter)).map(({ operation }) => operation),
      show: async (id) => (await core.journal.read(id)).operation,
      cancel: (id) => cancelOperation(core, runner, id),
      watch: (id, signal) => watchOperation(core, id, signal),
    },
    doctor: (options) => diagnoseHost(core, RECOVERY, options),
    recover: () => recoverOperations(core, RECOVERY),
    async [Symbol.asyncDispose]() {
      await runner.drain();
      await close();
    },
  };
}

function submit(runner: OperationRunner, request: OperationRequest): Promise<Operation> {
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
    default: {
      const never: never = request;
      return never;
    }
  }
}

/** An operation of another process sees the request in the journal; one of ours is told at once. */
async function cancelOperation(core: Core, runner: OperationRunner, operationId: string): Promise<Operation> {
  const { operation } = await core.journal.read(operationId);
  if (operation.status !== 'running') {
    throw new DarkroomError('OPERATION_FINISHED', `The operation ${operationId} is over: ${operation.status}.`, {
      fields: { operationId, status: operation.status },
    });
  }
  await core.journal.requestCancel(operationId);
  runner.cancel(operationId);
  return (await core.journal.read(operationId)).operation;
}
