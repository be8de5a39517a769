import type { DomainDescription } from '../domain-xml/describe-domain.ts';
import type { InstanceAddress, PowerState } from '../instance.ts';
import type { Labels } from '../labels.ts';
import type { NetworkReservation } from '../shelved-instance.ts';

/** A domain as libvirt lists it. */
export interface DomainInfo {
  readonly uuid: string;
  readonly name: string;
  readonly powerState: PowerState;
  readonly isPersistent: boolean;
  readonly isAutostart: boolean;
  readonly hasManagedSave: boolean;
  readonly vcpus: number;
  readonly memoryMiB: number;
}

export interface DescribedDomain {
  readonly info: DomainInfo;
  /** What its XML says: of the machine as it runs, or else of its definition. */
  readonly description: DomainDescription;
}

export interface HypervisorVersions {
  /** As libvirt names its driver: QEMU, TEST. */
  readonly driver: string;
  /** Dotted: 9.0.0. */
  readonly libvirt: string;
  readonly hypervisor: string;
}

/**
 * What the guest agent does when asked something harmless. absent: no channel, or nothing connected to it; hung: no
 * answer in time; frozen: it refuses, because its file systems are frozen.
 */
export type AgentState = 'answering' | 'absent' | 'hung' | 'frozen';

export interface BlockJobInfo {
  /** libvirt's virDomainBlockJobType. */
  readonly type: 'pull' | 'copy' | 'commit' | 'active-commit' | 'backup' | 'unknown';
  readonly done: number;
  readonly total: number;
  /** False for a pull or a backup, and for a mirror that libvirt lost sight of when it died just after the job began. */
  readonly hasMirror: boolean;
  /** A mirror that is in step with its source and waits for its pivot. */
  readonly isReady: boolean;
}

export interface DomainXmlOptions {
  /** The persistent configuration instead of the running one. */
  readonly isInactive?: boolean;
  /** With secrets, such as a VNC password. */
  readonly isSecure?: boolean;
}

export interface UndefineOptions {
  readonly nvram: 'keep' | 'remove';
  readonly tpm: 'keep' | 'remove';
}

export interface CommitBlockOptions {
  readonly target: string;
  /** Path of the backing file that receives the data. */
  readonly base: string;
  /** Path of the overlay whose data is merged. */
  readonly top: string;
  /** 0: unlimited. */
  readonly bandwidthBytesPerSecond: number;
}

export interface NetworkInfo {
  readonly name: string;
  readonly isActive: boolean;
}

export interface CheckpointInfo {
  readonly name: string;
  /** null for the first one. */
  readonly parent: string | null;
  /** Disks that have a bitmap of it. */
  readonly targets: readonly string[];
  /** Seconds since 1970. */
  readonly creationTime: number;
  /** For redefineCheckpoint, with secrets. */
  readonly xml: string;
}

export interface BackupDisk {
  readonly target: string;
  /** A qcow2 that exists, empty, of the disk's size and without a backing file: whatever it holds already stays. */
  readonly path: string;
  /** The checkpoint since which changed blocks are written; null: all blocks. */
  readonly incremental: string | null;
}

export interface BackupRequest {
  readonly disks: readonly BackupDisk[];
  /** Begins at the same instant, with a bitmap in each of the targets; null: none. */
  readonly checkpoint: { readonly name: string; readonly targets: readonly string[] } | null;
}

export interface BackupJob {
  /** Files that it writes. */
  readonly paths: readonly string[];
  /** Bytes. */
  readonly done: number;
  readonly total: number;
}

/** none: nothing is known, such as after a restart of libvirt. */
export type BackupOutcome = 'completed' | 'failed' | 'cancelled' | 'none';

export type HypervisorEvent =
  | { readonly kind: 'lifecycle'; readonly uuid: string; readonly event: string; readonly detail: number }
  | {
      readonly kind: 'block-job';
      readonly uuid: string;
      /** Target name of the disk. */
      readonly disk: string;
      readonly status: 'completed' | 'failed' | 'cancelled' | 'ready';
    }
  | { readonly kind: 'agent'; readonly uuid: string; readonly isConnected: boolean }
  /** Title, description or labels changed, which is no event of its life. */
  | { readonly kind: 'metadata'; readonly uuid: string }
  /** The connection that events come over was lost (then events were missed) or is back. */
  | { readonly kind: 'connection'; readonly isConnected: boolean };

/**
 * The part of libvirt that the core needs. Domains are named by UUID. Every call may throw
 * LIBVIRT_UNREACHABLE (connection lost or not to be had), INSTANCE_NOT_FOUND (no such domain) or
 * LIBVIRT_FAILED (fields: libvirtCode, libvirtDomain). Calls for different domains run side by side.
 */
export interface Hypervisor extends AsyncDisposable {
  /** libvirt connection URI. */
  readonly uri: string;

  versions(): Promise<HypervisorVersions>;
  /** True when libvirt offers hardware virtualisation (`<domain type='kvm'>` in its capabilities). */
  offersKvm(): Promise<boolean>;

  listDomains(): Promise<readonly DomainInfo[]>;
  /** All of them with what their XML says, by one question: for lists of hundreds. */
  describeDomains(): Promise<readonly DescribedDomain[]>;
  getDomain(uuid: string): Promise<DomainInfo>;
  getDomainXml(uuid: string, options?: DomainXmlOptions): Promise<string>;
  /** Defines or redefines a persistent domain; returns its UUID. */
  defineDomain(xml: string): Promise<string>;
  /** Removes the persistent definition with managed save, snapshot and checkpoint metadata. */
  undefineDomain(uuid: string, options: UndefineOptions): Promise<void>;
  setAutostart(uuid: string, options: { readonly isEnabled: boolean }): Promise<void>;
  /** All of them, in the metadata of what runs and of what is defined; what a managed save holds stays as it is. */
  setLabels(uuid: string, labels: Labels): Promise<void>;

  startDomain(uuid: string, options?: { readonly isPaused?: boolean }): Promise<void>;
  /** Starts a transient domain that libvirt destroys when this process' connection ends; returns its UUID. */
  createTransientDomain(xml: string): Promise<string>;
  /** Asks for a shutdown by ACPI or agent; returns at once. */
  shutdownDomain(uuid: string): Promise<void>;
  rebootDomain(uuid: string): Promise<void>;
  /** Pulls the plug. */
  destroyDomain(uuid: string): Promise<void>;
  suspendDomain(uuid: string): Promise<void>;
  resumeDomain(uuid: string): Promise<void>;
  /** QEMU paused it because a write to one of its disks failed, such as for want of space. */
  isStoppedByIoError(uuid: string): Promise<boolean>;
  /** Saves RAM to disk and stops (managed save). It starts again as it was, or, where `isRunning` is set, running although it is paused. */
  managedSaveDomain(uuid: string, options?: { readonly isRunning?: boolean }): Promise<void>;
  /** XML, with secrets, of the machine that a managed save will become again. LIBVIRT_FAILED when there is none. */
  getManagedSaveXml(uuid: string): Promise<string>;
  /** Replaces it: the same machine to the guest, but what it stands on may lie elsewhere on the host. */
  defineManagedSaveXml(uuid: string, xml: string): Promise<void>;

  /** Where libvirt keeps the managed save of that domain on this host; null where that is not known (other drivers, remote hosts). */
  managedSavePath(domainName: string): string | null;
  /**
   * Starts a defined domain from a file of saved memory (virDomainRestoreFlags) with another XML; the file stays. LIBVIRT_FAILED
   * when this host cannot go on with it, such as for want of a CPU feature; then the domain is off.
   */
  restoreDomain(path: string, options: { readonly xml: string; readonly isPaused: boolean }): Promise<void>;

  /** Parents before children; [] where the driver has no checkpoints. */
  listCheckpoints(uuid: string): Promise<readonly CheckpointInfo[]>;
  /**
   * Tells libvirt again of a checkpoint whose bitmap is in the disks (virDomainCheckpointCreateXML with REDEFINE). Validated, which
   * only a domain that runs can be: CHECKPOINT_INCONSISTENT unless the bitmaps are there and sound.
   */
  redefineCheckpoint(uuid: string, xml: string, options?: { readonly isValidated?: boolean }): Promise<void>;
  /** Bytes that changed since, by target; of a domain that runs. CHECKPOINT_INCONSISTENT when a bitmap is missing or broken. */
  readCheckpointSizes(uuid: string, name: string): Promise<ReadonlyMap<string, number>>;
  /**
   * With its bitmaps, of a domain that runs; else only what libvirt knows of it. Its children become its parent's. No error when
   * there is none. CHECKPOINT_INCONSISTENT when its bitmaps are not there: then only what libvirt knows can be deleted.
   */
  deleteCheckpoint(uuid: string, name: string, options: { readonly isMetadataOnly: boolean }): Promise<void>;

  /**
   * Starts a push backup (virDomainBackupBegin with REUSE_EXTERNAL) over all its disks at one instant; other disks take no part.
   * CHECKPOINT_INCONSISTENT when a bitmap that it needs is missing or broken, INSTANCE_BUSY when another job goes on.
   */
  beginBackup(uuid: string, request: BackupRequest): Promise<void>;
  /** null when no backup runs. */
  getBackup(uuid: string): Promise<BackupJob | null>;
  /** What became of the last backup, told once. The files that it wrote are closed by then, not as soon as getBackup says null. */
  takeBackupOutcome(uuid: string): Promise<BackupOutcome>;
  /** Ends a running backup, waits until it has ended; no error when there is none. A checkpoint that began with it stays. */
  abortBackup(uuid: string): Promise<void>;

  /** Asks the agent for its time; waits at most `timeoutMs` (rounded up to whole seconds). Never throws for the agent's sake. */
  probeAgent(uuid: string, options: { readonly timeoutMs: number }): Promise<AgentState>;
  /**
   * Freezes all file systems; returns how many. Throws AGENT_UNRESPONSIVE when the agent did not answer within
   * `timeoutMs` (the freeze may still happen later), INSTANCE_FROZEN when it is frozen already, QUIESCE_UNAVAILABLE
   * when there is no agent, FREEZE_FAILED when the agent says no.
   */
  freezeFileSystems(uuid: string, options: { readonly timeoutMs: number }): Promise<number>;
  /** Thaws all file systems; returns how many. Throws as freezeFileSystems does. */
  thawFileSystems(uuid: string, options: { readonly timeoutMs: number }): Promise<number>;

  /** External disk-only snapshot of all disks named in the XML, atomic, without metadata, onto files that exist. */
  createDiskSnapshot(uuid: string, snapshotXml: string): Promise<void>;
  countInternalSnapshots(uuid: string): Promise<number>;
  /** null when the disk has no block job. */
  getBlockJob(uuid: string, target: string): Promise<BlockJobInfo | null>;
  /** Starts an active commit (virDomainBlockCommit with ACTIVE). */
  startActiveCommit(uuid: string, options: CommitBlockOptions): Promise<void>;
  /** Of a job that runs; 0: unlimited. LIBVIRT_FAILED when there is none. */
  setBlockJobSpeed(uuid: string, target: string, bandwidthBytesPerSecond: number): Promise<void>;
  /** Ends a ready active commit by making its base the active layer. */
  pivotBlockJob(uuid: string, target: string): Promise<void>;
  abortBlockJob(uuid: string, target: string): Promise<void>;

  listInterfaceAddresses(uuid: string, source: InstanceAddress['source']): Promise<readonly InstanceAddress[]>;
  listNetworks(): Promise<readonly NetworkInfo[]>;
  startNetwork(name: string): Promise<void>;
  /** Of all networks, active or not. */
  listReservations(): Promise<readonly NetworkReservation[]>;
  /** Adds it to the definition and, where the network is active, to its DHCP server (virNetworkUpdate). */
  addReservation(reservation: NetworkReservation): Promise<void>;

  /** Calls `listener` for every event until the returned function is called. */
  subscribe(listener: (event: HypervisorEvent) => void): () => void;
}
