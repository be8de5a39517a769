import { createLogger } from '../../src/lib/logger.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { Operation, OperationKind } from '../../src/model/operation.ts';
import type { Archives } from '../../src/model/ports/archive.ts';
import type { KeySource } from '../../src/model/ports/key-source.ts';
import type { Mounts } from '../../src/model/ports/mounts.ts';
import type { Core, HostSettings } from '../../src/operations/support/context.ts';
import { OperationRunner } from '../../src/operations/support/operation-runner.ts';
import type { UseCase } from '../../src/operations/support/use-case.ts';
import { createFakeAuditTrail, createFakePrincipals } from './fake-access.ts';
import { createFakeDiskTool } from './fake-disk-tool.ts';
import {
  createFakeClock,
  createFakeFiles,
  createFakeGeneralizer,
  createFakeProcesses,
  createFakeSeeds,
} from './fake-host.ts';
import { createFakeHypervisor } from './fake-hypervisor.ts';
import { createFakeJournal, createFakeLocks } from './fake-journal.ts';
import { createFakeNotifier } from './fake-notifier.ts';
import { createFakeScheduleBook } from './fake-schedule-book.ts';
import { createFakeStores, NO_IMAGE_SERVICES } from './fake-stores.ts';

/** No limit; tests set some. */
export const NO_QUOTA: HostSettings['quota'] = {
  maxImages: null,
  maxImageBytes: null,
  maxSnapshots: null,
  maxSnapshotBytes: null,
};

const SETTINGS: HostSettings = {
  instancesDir: '/nowhere/instances',
  overlayDir: '/nowhere/overlays',
  qemuUser: 'libvirt-qemu',
  launch: { virtType: 'qemu', network: 'default', memoryMiB: 512, vcpus: 1 },
  agentProbeTimeoutMs: 1000,
  freezeTimeoutMs: 5000,
  freezeWindowMs: 8000,
  quota: NO_QUOTA,
  maxChain: 30,
  stateDir: '/nowhere/state',
  encryption: { keyFile: null, keyCommand: null },
  reserveBytes: 0,
  maxConcurrentCaptures: 4,
  maxConcurrentCopies: 2,
  maxConcurrentCommits: 2,
  copyNice: 0,
  copyIoClass: 'none',
  overlayLowSpaceBytes: 1,
  copyBandwidthBytesPerSecond: 0,
  commitBandwidthBytesPerSecond: 0,
  shelvedOffloadTimeMs: 0,
  transferDirs: [],
  recyclePeriodMs: 0,
  notify: { webhookUrl: null, webhookSecretFile: null, command: null },
};

const NO_ARCHIVES: Archives = {
  write: async () => {
    throw new Error('this host writes no archives');
  },
  open: () => {
    throw new Error('this host reads no archives');
  },
};

const NO_MOUNTS: Mounts = {
  mountFirst: async () => {
    throw new Error('this host mounts nothing');
  },
  unmount: async () => undefined,
};

const NO_KEYS: KeySource = {
  isConfigured: false,
  read: async () => {
    throw new DarkroomError('ENCRYPTION_KEY_MISSING', 'No key is configured');
  },
};

/** A host of fakes for the image operations; tests put real drivers in the place of some. */
export function createImageCore<Parts extends Partial<Omit<Core, 'settings'>>>(
  parts: Parts,
  settings: Partial<HostSettings> = {},
): Core & Parts {
  const stores = createFakeStores({
    default: {
      ...(parts.store && { images: parts.store }),
      ...(parts.shelf && { shelf: parts.shelf }),
      ...(parts.snapshots && { snapshots: parts.snapshots }),
      ...(parts.upkeep && { upkeep: parts.upkeep }),
    },
  });
  const own = stores.open('default');
  return {
    hypervisor: createFakeHypervisor(),
    diskTool: createFakeDiskTool(),
    store: own.images,
    shelf: own.shelf,
    snapshots: own.snapshots,
    upkeep: own.upkeep,
    stores,
    imageServices: NO_IMAGE_SERVICES,
    keys: NO_KEYS,
    archives: NO_ARCHIVES,
    mounts: NO_MOUNTS,
    journal: createFakeJournal(),
    locks: createFakeLocks(),
    files: createFakeFiles(),
    processes: createFakeProcesses(),
    clock: createFakeClock(),
    seeds: createFakeSeeds(),
    generalizer: createFakeGeneralizer(),
    log: createLogger({ level: 'silent', isPretty: false }),
    settings: { ...SETTINGS, ...settings },
    applySettings: () => {},
    principals: createFakePrincipals(),
    audit: createFakeAuditTrail(),
    schedules: createFakeScheduleBook(),
    notifier: createFakeNotifier(),
    hostName: 'host-a',
    caller: { name: 'root', role: 'admin' as const, isTrustedWithPaths: true },
    ...parts,
  };
}

/** Runs an operation as an application does, and gives its record when it is over. What prepare refuses is thrown. */
export async function runToEnd<Request extends { readonly kind: OperationKind }, Input>(
  core: Core,
  useCase: UseCase<Request, Input>,
  request: Request,
): Promise<Operation> {
  const runner = new OperationRunner(core);
  const { id } = await runner.start(useCase, request);
  await runner.drain();
  return (await core.journal.read(id)).operation;
}

/** Runs an operation that is cancelled as soon as `isTime` says so of its record. */
export async function runCancelled<Request extends { readonly kind: OperationKind }, Input>(
  core: Core,
  useCase: UseCase<Request, Input>,
  work: { readonly request: Request; readonly isTime: (operation: Operation) => boolean },
): Promise<Operation> {
  const runner = new OperationRunner(core);
  const { id } = await runner.start(useCase, work.request);
  for (;;) {
    const { operation } = await core.journal.read(id);
    if (operation.status !== 'running') return operation;
    if (work.isTime(operation)) runner.cancel(id);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
