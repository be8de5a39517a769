import type { Logger } from '../../lib/logger.ts';
import type { Caller } from '../../model/access.ts';
import type { Archives } from '../../model/ports/archive.ts';
import type { AuditTrail } from '../../model/ports/audit.ts';
import type { DiskTool } from '../../model/ports/disk-tool.ts';
import type { Clock, Generalizer, HostFiles, Processes, SeedBuilder } from '../../model/ports/host.ts';
import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import type { ImageServices } from '../../model/ports/image-service.ts';
import type { ImageStore } from '../../model/ports/image-store.ts';
import type { Journal, LockTable } from '../../model/ports/journal.ts';
import type { KeySource } from '../../model/ports/key-source.ts';
import type { Mounts } from '../../model/ports/mounts.ts';
import type { Notifier, NotifyTargets } from '../../model/ports/notifier.ts';
import type { Principals } from '../../model/ports/principals.ts';
import type { ScheduleBook } from '../../model/ports/schedules.ts';
import type { Shelf } from '../../model/ports/shelf.ts';
import type { SnapshotStore } from '../../model/ports/snapshot-store.ts';
import type { Stores, StoreUpkeep } from '../../model/ports/stores.ts';
import type { OperationHandle } from './operation-handle.ts';

/** The part of the configuration that use cases read; units in the names. */
export interface HostSettings {
  readonly instancesDir: string;
  readonly overlayDir: string;
  readonly qemuUser: string;
  readonly launch: {
    readonly virtType: 'kvm' | 'qemu';
    readonly network: string;
    readonly memoryMiB: number;
    readonly vcpus: number;
  };
  readonly agentProbeTimeoutMs: number;
  readonly freezeTimeoutMs: number;
  readonly freezeWindowMs: number;
  readonly quota: {
    readonly maxImages: number | null;
    readonly maxImageBytes: number | null;
    readonly maxSnapshots: number | null;
    readonly maxSnapshotBytes: number | null;
  };
  /** Files that a restore of one snapshot may have to read. */
  readonly maxChain: number;
  readonly stateDir: string;
  readonly encryption: { readonly keyFile: string | null; readonly keyCommand: string | null };
  readonly reserveBytes: number;
  readonly maxConcurrentCaptures: number;
  readonly maxConcurrentCopies: number;
  readonly maxConcurrentCommits: number;
  readonly copyNice: number;
  readonly copyIoClass: 'none' | 'best-effort' | 'idle';
  readonly overlayLowSpaceBytes: number;
  readonly copyBandwidthBytesPerSecond: number;
  readonly commitBandwidthBytesPerSecond: number;
  /** How long a shelved instance stays on its host; 0: not at all; null: for ever. */
  readonly shelvedOffloadTimeMs: number | null;
  readonly transferDirs: readonly string[];
  /** How long a deleted image can be brought back; 0: not at all. */
  readonly recyclePeriodMs: number;
  readonly notify: NotifyTargets;
}

/** One host as the use cases see it. */
export interface Core {
  readonly hypervisor: Hypervisor;
  readonly diskTool: DiskTool;
  readonly store: ImageStore;
  readonly shelf: Shelf;
  readonly snapshots: SnapshotStore;
  /** Upkeep of the store that `store`, `shelf` and `snapshots` are of. */
  readonly upkeep: StoreUpkeep;
  /** All that the configuration names; a folder or URL is the caller's to name only where it is trusted with paths. */
  readonly stores: Stores;
  readonly imageServices: ImageServices;
  readonly keys: KeySource;
  readonly journal: Journal;
  readonly locks: LockTable;
  readonly files: HostFiles;
  readonly archives: Archives;
  readonly mounts: Mounts;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly seeds: SeedBuilder;
  readonly generalizer: Generalizer;
  readonly log: Logger;
  readonly settings: HostSettings;
  /** What a new configuration changes of them, for everything that starts from now on. */
  applySettings(settings: HostSettings): void;
  readonly hostName: string;
  readonly caller: Caller;
  readonly principals: Principals;
  readonly audit: AuditTrail;
  readonly schedules: ScheduleBook;
  readonly notifier: Notifier;
}

/** A core at work on one operation. */
export interface OperationContext extends Core {
  readonly operation: OperationHandle;
}
