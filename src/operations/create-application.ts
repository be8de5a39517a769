import type { Caller } from '../model/access.ts';
import type { Application, CallerApplication } from './application.ts';
import { listImages, showImage } from './list-images.ts';
import { cancelOperation } from './support/cancel-operation.ts';
import type { Core, HostSettings } from './support/context.ts';
import { identifyName, identifyToken } from './support/identify.ts';
import { listOperations, showOperation } from './support/list-operations.ts';
import { OperationRunner } from './support/operation-runner.ts';
import { findAbandoned, recoverOperations } from './support/recover-operations.ts';
import { submitOperation } from './support/submit-operation.ts';
import { watchOperation } from './support/watch-operation.ts';

/**
 * The use cases over one host, as whoever serves them sees it. `close` ends what the core was made of. Parts are loaded
 * when they are first wanted: a command line that composes all this for one list must start fast.
 */
export function createApplication(core: Core, close: () => Promise<void>): Application {
  const runner = new OperationRunner(core);
  let recovering: Promise<void> | null = null;
  let isRecovered = false;
  return {
    ...createCallerApplication(core, runner),
    as: (caller) => createCallerApplication({ ...core, caller }, runner),
    identifyToken: (token) => identifyToken(core, token),
    identifyName: (name) => identifyName(core, name),
    recordAudit: (event) => core.audit.append(event),
    recover: async () => {
      recovering ??= recover(core, runner)
        .then((isDone) => {
          isRecovered ||= isDone;
        })
        .finally(() => {
          recovering = null;
        });
      await recovering;
    },
    get isRecovered() {
      return isRecovered;
    },
    dueOffloads: async () => (await import('./list-due-offloads.ts')).listDueOffloads(core),
    dueConsolidations: async () => (await import('./list-due-consolidations.ts')).listDueConsolidations(core),
    scheduling: { book: core.schedules, notifier: core.notifier },
    purgeExpired: async () => (await import('./steps/purge-expired.ts')).purgeExpired(core),
    survey: createSurvey(core),
    get runningIds() {
      return runner.runningIds;
    },
    cancelAll: async () => {
      for (const id of runner.runningIds) runner.cancel(id);
      await runner.drain();
    },
    drain: () => runner.drain(),
    feed: {
      lastRevision: () => core.journal.lastRevision(),
      listChanged: (afterRevision, limit) => core.journal.listChanged(afterRevision, limit),
    },
    subscribe: (listener) => core.hypervisor.subscribe(listener),
    ping: async () => {
      await core.hypervisor.versions();
    },
    applySettings: (settings: HostSettings) => core.applySettings(settings),
    async [Symbol.asyncDispose]() {
      await runner.drain();
      await close();
    },
  };
}

function createCallerApplication(core: Core, runner: OperationRunner): CallerApplication {
  const { caller }: { readonly caller: Caller } = core;
  return {
    caller,
    images: {
      list: (filter) => listImages(core, filter),
      show: (reference) => showImage(core, reference),
      update: async (reference, changes) => (await import('./update-image.ts')).updateImage(core, reference, changes),
      listDeleted: async (page) => (await import('./undelete-image.ts')).listDeletedImages(core, page),
      undelete: async (reference) => (await import('./undelete-image.ts')).undeleteImage(core, reference),
      purge: async (reference) => (await import('./undelete-image.ts')).purgeImage(core, reference),
    },
    instances: {
      list: async (filter) => (await import('./list-instances.ts')).listInstances(core, filter),
      show: async (reference) => (await import('./list-instances.ts')).showInstance(core, reference),
      update: async (reference, { labels }) => (await import('./set-labels.ts')).setLabels(core, reference, labels),
    },
    volumes: {
      list: async (filter) => (await import('./list-volumes.ts')).listVolumes(core, filter),
      show: async (volume) => (await import('./list-volumes.ts')).showVolume(core, volume),
    },
    snapshots: createSnapshots(core),
    stores: createStores(core),
    quota: async () => (await import('./read-quota.ts')).readQuota(core),
    backups: {
      list: async (filter) => (await import('./list-backups.ts')).listBackups(core, filter),
      plan: async (request) => (await import('./plan-backups.ts')).planBackups(core, request),
      status: async (request) => (await import('./read-backup-status.ts')).readBackupStatus(core, request),
    },
    schedules: createSchedules(core),
    operations: {
      submit: (request, options) => submitOperation(runner, request, { caller, key: options?.idempotencyKey ?? null }),
      list: (filter) => listOperations(core, filter),
      show: (id) => showOperation(core, id),
      cancel: (id) => cancelOperation(core, runner, id),
      watch: (id, signal) => watchOperation(core, id, { signal, ended: runner.endOf(id) }),
    },
    principals: {
      list: async () => (await import('./manage-principals.ts')).listPrincipals(core),
      create: async (request) => (await import('./manage-principals.ts')).createPrincipal(core, request),
      renewToken: async (name) => (await import('./manage-principals.ts')).renewToken(core, name),
      delete: async (name) => (await import('./manage-principals.ts')).deletePrincipal(core, name),
    },
    audit: {
      list: ({ limit }) => core.audit.list({ limit, ...(caller.role === 'admin' ? {} : { principal: caller.name }) }),
    },
    async doctor(options) {
      const [{ diagnoseHost }, { RECOVERY }] = await Promise.all([
        import('./diagnose-host.ts'),
        import('./recovery-table.ts'),
      ]);
      return diagnoseHost(core, RECOVERY, options);
    },
  };
}

function createSnapshots(core: Core): CallerApplication['snapshots'] {
  const load = () => import('./list-snapshots.ts');
  const loadShares = () => import('./share-snapshot.ts');
  return {
    list: async (filter) => (await load()).listSnapshots(core, filter),
    show: async (reference) => (await load()).showSnapshot(core, reference),
    showChain: async (reference) => (await load()).showSnapshotChain(core, reference),
    planDelete: async (reference) => (await import('./plan-snapshot-delete.ts')).planSnapshotDelete(core, reference),
    share: async (reference, share) => (await loadShares()).shareSnapshot(core, reference, share),
    unshare: async (reference, principal) => (await loadShares()).unshareSnapshot(core, reference, principal),
  };
}

function createStores(core: Core): CallerApplication['stores'] {
  const load = () => import('./manage-stores.ts');
  return {
    list: async () => (await load()).listStores(core),
    status: async (name) => (await load()).readStoreStatus(core, name),
    check: async (name) => (await load()).checkStore(core, name),
    collectGarbage: async (request) => (await load()).collectGarbage(core, request),
  };
}

function createSchedules(core: Core): CallerApplication['schedules'] {
  const load = () => import('./manage-schedules.ts');
  return {
    list: async () => (await load()).listSchedules(core),
    show: async (reference) => (await load()).showSchedule(core, reference),
    create: async (request) => (await load()).createSchedule(core, request),
    delete: async (reference) => (await load()).deleteSchedule(core, reference),
    setPaused: async (reference, isPaused) => (await load()).pauseSchedule(core, reference, { isPaused }),
    run: async (reference) => (await load()).runSchedule(core, reference),
    listRuns: async (reference, filter) => (await load()).listScheduleRuns(core, reference, filter),
  };
}

function createSurvey(core: Core): Application['survey'] {
  return {
    instances: async () => (await import('./survey-host.ts')).surveyInstances(core),
    overlays: async () => (await import('./survey-host.ts')).surveyOverlays(core),
    images: async () => (await import('./survey-host.ts')).surveyImages(core),
    storeSpace: async () => (await import('./survey-host.ts')).measureStore(core),
    requireWritableStore: () => core.store.assertWritable(),
    countLocks: async () => (await core.locks.list()).length,
  };
}

/** True when all that could be done was done. */
async function recover(core: Core, runner: OperationRunner): Promise<boolean> {
  const abandoned = await findAbandoned(core, runner);
  if (abandoned.length === 0) return true;
  const { RECOVERY } = await import('./recovery-table.ts');
  await recoverOperations(core, RECOVERY, abandoned);
  if ((await findAbandoned(core, runner)).length === 0) return true;
  return await core.hypervisor.versions().then(
    () => true,
    () => false,
  );
}
