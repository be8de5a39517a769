import type { Operation } from '../model/operation.ts';
import type { OperationRequest } from '../model/requests.ts';
import type { Application } from './application.ts';
import { listImages, showImage } from './list-images.ts';
import { cancelOperation } from './support/cancel-operation.ts';
import type { Core } from './support/context.ts';
import { OperationRunner } from './support/operation-runner.ts';
import { findDeadOperations, recoverOperations } from './support/recover-operations.ts';
import { watchOperation } from './support/watch-operation.ts';

/**
 * The use cases over one host, as whoever serves them sees it. `close` ends what the core was made of. Parts are loaded
 * when they are first wanted: a command line that composes all this for one list must start fast.
 */
export function createApplication(core: Core, close: () => Promise<void>): Application {
  const runner = new OperationRunner(core);
  return {
    images: {
      list: (filter) => listImages(core, filter),
      show: (reference) => showImage(core, reference),
      update: async (reference, changes) => (await import('./update-image.ts')).updateImage(core, reference, changes),
    },
    instances: {
      list: async () => (await import('./list-instances.ts')).listInstances(core),
      show: async (reference) => (await import('./list-instances.ts')).showInstance(core, reference),
    },
    volumes: {
      list: async (filter) => (await import('./list-volumes.ts')).listVolumes(core, filter),
      show: async (id) => (await import('./list-volumes.ts')).showVolume(core, id),
    },
    operations: {
      submit: (request) => submit(runner, request),
      list: async (filter) => (await core.journal.list(filter)).map(({ operation }) => operation),
      show: async (id) => (await core.journal.read(id)).operation,
      cancel: (id) => cancelOperation(core, runner, id),
      watch: (id, signal) => watchOperation(core, id, signal),
    },
    async doctor(options) {
      const [{ diagnoseHost }, { RECOVERY }] = await Promise.all([
        import('./diagnose-host.ts'),
        import('./use-cases.ts'),
      ]);
      return diagnoseHost(core, RECOVERY, options);
    },
    async recover() {
      if ((await findDeadOperations(core)).length === 0) return;
      const { RECOVERY } = await import('./use-cases.ts');
      await recoverOperations(core, RECOVERY);
    },
    async [Symbol.asyncDispose]() {
      await runner.drain();
      await close();
    },
  };
}

async function submit(runner: OperationRunner, request: OperationRequest): Promise<Operation> {
  const { startUseCase } = await import('./use-cases.ts');
  return startUseCase(runner, request);
}
