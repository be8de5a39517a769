import os from 'node:os';
import type { Settings } from './config/settings.ts';
import { createImageServices } from './drivers/glance/create-image-services.ts';
import { createArchives } from './drivers/host/archive.ts';
import { createClock } from './drivers/host/clock.ts';
import { createHostFiles } from './drivers/host/files.ts';
import { createGeneralizer } from './drivers/host/generalizer.ts';
import { createMounts } from './drivers/host/mounts.ts';
import { createProcesses } from './drivers/host/processes.ts';
import { createSeedBuilder } from './drivers/host/seed-builder.ts';
import { createKeySource } from './drivers/keys/create-key-source.ts';
import { createHypervisor } from './drivers/libvirt/create-hypervisor.ts';
import { createNotifier } from './drivers/notify/create-notifier.ts';
import { createDiskTool } from './drivers/qemu-img/disk-tool.ts';
import { openStateStore } from './drivers/state/state-store.ts';
import { createStores } from './drivers/stores/create-stores.ts';
import { createServiceManager } from './drivers/systemd/create-service-manager.ts';
import { createJournalDestination, leadsToJournal } from './drivers/systemd/journal-destination.ts';
import { createLogger, type Logger, type RootLogger } from './lib/logger.ts';
import type { Clock } from './model/ports/host.ts';
import type { ServiceManager } from './model/ports/service-manager.ts';
import type { StoreOutage } from './model/store.ts';
import type { Application } from './operations/application.ts';
import { createApplication } from './operations/create-application.ts';
import type { Core, HostSettings } from './operations/support/context.ts';

export interface ComposeOptions {
  /** A daemon acts for others and opens no path that they name. */
  readonly isDaemon?: boolean;
  /** Where it is absent: standard error, as the settings say. */
  readonly log?: Logger;
  /** Hears once per outage of a store that cannot be used, while it is asked again. */
  readonly onStoreOutage?: (outage: StoreOutage) => void;
  /** Replaces parts of the core, so that a test can make a step fail or end the process in it. */
  readonly adapt?: (core: Core) => Core;
}

const STANDARD_ERROR = 2;

/** What a daemon has before it has settings: first of all, since it takes what is meant for nobody else. */
export function composeDaemon(environment: NodeJS.ProcessEnv): { service: ServiceManager; clock: Clock } {
  return { service: createServiceManager(environment), clock: createClock() };
}

/** To the journal with its fields where standard error leads there, else to standard error. */
export function composeLog({ logLevel }: Pick<Settings, 'logLevel'>): RootLogger {
  const isPretty = process.stderr.isTTY === true;
  const destination = leadsToJournal(process.env, STANDARD_ERROR) ? { destination: createJournalDestination() } : {};
  return createLogger({ level: logLevel, isPretty, ...destination });
}

/** The composition root: the only place that knows every driver. */
export async function compose(settings: Settings, options: ComposeOptions = {}): Promise<Application> {
  const log = options.log ?? composeLog(settings);
  const processes = createProcesses();
  const hypervisor = createHypervisor({
    uri: settings.connectUri,
    log: (fields, message) => log.debug(fields, message),
  });
  const state = openStateStore({
    stateDir: settings.stateDir,
    isAlive: (identity) => processes.isAlive(identity),
  });
  // one object for all that look at it, so that a change reaches them
  const current: HostSettings = { ...settings };
  const clock = createClock();
  const { onStoreOutage: onOutage } = options;
  const stores = createStores({ ...settings, server: settings.s3, ...(onOutage && { onOutage }) });
  const own = stores.open(settings.store);
  const core: Core = {
    hypervisor,
    diskTool: createDiskTool({ priority: () => ({ nice: current.copyNice, ioClass: current.copyIoClass }) }),
    store: own.images,
    shelf: own.shelf,
    snapshots: own.snapshots,
    upkeep: own.upkeep,
    stores,
    imageServices: createImageServices(settings.imageServices),
    keys: createKeySource(() => current.encryption),
    journal: state.journal,
    locks: state.locks,
    files: createHostFiles(),
    archives: createArchives(),
    mounts: createMounts(),
    processes,
    clock,
    seeds: createSeedBuilder(),
    generalizer: createGeneralizer(),
    log,
    settings: current,
    applySettings: (changed) => Object.assign(current, changed),
    hostName: settings.hostName,
    caller: { name: os.userInfo().username, role: 'admin', isTrustedWithPaths: options.isDaemon !== true },
    principals: state.principals,
    audit: state.audit,
    schedules: state.schedules,
    notifier: createNotifier({ targets: () => current.notify, clock }),
  };
  return createApplication(options.adapt?.(core) ?? core, async () => {
    await hypervisor[Symbol.asyncDispose]();
    state.close();
  });
}
