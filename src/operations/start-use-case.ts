import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';
import type { OperationRunner, StartOptions } from './support/operation-runner.ts';

/** Only what the request wants is loaded: a command line does one thing and ends. */
export async function startUseCase(
  runner: OperationRunner,
  request: OperationRequest,
  options: StartOptions,
): Promise<Operation> {
  switch (request.kind) {
    case 'image.create':
      return await runner.startOnce((await import('./create-image.ts')).createImage, request, options);
    case 'backup.create':
      return await runner.startOnce((await import('./create-backup.ts')).createBackup, request, options);
    case 'image.import':
      return await runner.startOnce((await import('./import-image.ts')).importImage, request, options);
    case 'image.export':
      return await runner.startOnce((await import('./export-image.ts')).exportImage, request, options);
    case 'image.verify':
      return await runner.startOnce((await import('./verify-image.ts')).verifyImage, request, options);
    case 'image.copy':
      return await runner.startOnce((await import('./copy-image.ts')).copyImage, request, options);
    case 'image.push':
      return await runner.startOnce((await import('./push-image.ts')).pushImage, request, options);
    case 'image.pull':
      return await runner.startOnce((await import('./pull-image.ts')).pullImage, request, options);
    case 'image.delete':
      return await runner.startOnce((await import('./delete-image.ts')).deleteImage, request, options);
    case 'snapshot.create':
      return await runner.startOnce((await import('./create-snapshot.ts')).createSnapshot, request, options);
    case 'snapshot.delete':
      return await runner.startOnce((await import('./delete-snapshot.ts')).deleteSnapshot, request, options);
    case 'snapshot.consolidate':
      return await runner.startOnce(
        (await import('./consolidate-snapshots.ts')).consolidateSnapshots,
        request,
        options,
      );
    case 'snapshot.restore':
      return await runner.startOnce((await import('./restore-snapshot.ts')).restoreSnapshot, request, options);
    case 'volume.create':
      return await runner.startOnce((await import('./create-volume.ts')).createVolume, request, options);
    case 'image.from-snapshot':
      return await runner.startOnce((await import('./image-from-snapshot.ts')).imageFromSnapshot, request, options);
    case 'snapshot.verify':
      return await runner.startOnce((await import('./verify-snapshot.ts')).verifySnapshot, request, options);
    case 'snapshot.export':
      return await runner.startOnce((await import('./export-snapshot.ts')).exportSnapshot, request, options);
    case 'snapshot.import':
      return await runner.startOnce((await import('./import-snapshot.ts')).importSnapshot, request, options);
    case 'snapshot.copy':
      return await runner.startOnce((await import('./copy-snapshot.ts')).copySnapshot, request, options);
    case 'snapshot.mount':
      return await runner.startOnce((await import('./mount-snapshot.ts')).mountSnapshot, request, options);
    case 'instance.launch':
      return await runner.startOnce((await import('./launch-instance.ts')).launchInstance, request, options);
    case 'instance.delete':
      return await runner.startOnce((await import('./delete-instance.ts')).deleteInstance, request, options);
    case 'instance.start':
    case 'instance.pause':
    case 'instance.resume':
    case 'instance.suspend':
      return await runner.startOnce((await import('./power-instance.ts')).powerInstance, request, options);
    case 'instance.stop':
    case 'instance.reboot':
      return await runner.startOnce((await import('./stop-instance.ts')).stopInstance, request, options);
    case 'instance.shelve':
      return await runner.startOnce((await import('./shelve-instance.ts')).shelveInstance, request, options);
    case 'instance.offload':
      return await runner.startOnce((await import('./offload-instance.ts')).offloadInstance, request, options);
    case 'instance.unshelve':
      return await runner.startOnce((await import('./unshelve-instance.ts')).unshelveInstance, request, options);
    default: {
      const never: never = request;
      return never;
    }
  }
}
