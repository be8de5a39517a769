import type { ImageServiceAccess, S3Access } from '../model/store-access.ts';

export interface StoreSettings {
  readonly name: string;
  readonly location: string;
  /** null for a folder. */
  readonly s3: S3Access | null;
}

/** Everything that can be configured, with units in the names. Read by load-settings.ts from file, environment and command line. */
export interface Settings {
  /** libvirt connection URI. */
  readonly connectUri: string;
  /** Folder of state.db. */
  readonly stateDir: string;
  /** Location of the default store: an absolute path of a folder, or `s3://bucket/prefix`. */
  readonly store: string;
  /** All stores, the default first. */
  readonly stores: readonly [StoreSettings, ...StoreSettings[]];
  /** How a store is reached that is named by its s3:// URL alone. */
  readonly s3: S3Access;
  /** OpenStack image services. */
  readonly imageServices: readonly ImageServiceAccess[];
  /** Copies of what stores elsewhere hold, and drafts on their way there: a folder for each such store. */
  readonly cacheDir: string;
  /** For each such store. */
  readonly cacheLimitBytes: number;
  /** The agent's unix socket. */
  readonly socket: string;
  /** Group that may speak to the agent through it. */
  readonly socketGroup: string;
  /** TCP address of the agent; null: the socket alone. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  /** PEM files; needed where there is `listen`. */
  readonly tls: { readonly certificate: string | null; readonly key: string | null; readonly clientCa: string | null };
  /** How long a stopping agent waits for running operations before it cancels them. */
  readonly stopTimeoutMs: number;
  /** How often the agent looks for what is due. */
  readonly housekeepingIntervalMs: number;
  /** Disks of launched instances. */
  readonly instancesDir: string;
  /** Overlays of disks that are host block devices. */
  readonly overlayDir: string;
  /** User that QEMU runs as; owner of the disks of launched instances. */
  readonly qemuUser: string;
  /** Group that may read image files. */
  readonly imageGroup: string;
  readonly launch: {
    /** `<domain type>` for images that were imported. */
    readonly virtType: 'kvm' | 'qemu';
    readonly network: string;
    readonly memoryMiB: number;
    readonly vcpus: number;
  };
  readonly agentProbeTimeoutMs: number;
  readonly freezeTimeoutMs: number;
  /** Freeze, snapshot and thaw together; Windows gives up at 10 s. */
  readonly freezeWindowMs: number;
  readonly quota: {
    /** null: no limit. */
    readonly maxImages: number | null;
    readonly maxImageBytes: number | null;
    readonly maxSnapshots: number | null;
    readonly maxSnapshotBytes: number | null;
  };
  /** Snapshots that stand on one another, at most; longer chains are shortened in the background. */
  readonly maxChain: number;
  /** Where the key of encrypted snapshots comes from: one of the two, or neither. */
  readonly encryption: { readonly keyFile: string | null; readonly keyCommand: string | null };
  /** Bytes that must stay free on every file system that is written to. */
  readonly reserveBytes: number;
  /** Captures, shelves and backups that work on guests at once on this host. */
  readonly maxConcurrentCaptures: number;
  readonly maxConcurrentCopies: number;
  readonly maxConcurrentCommits: number;
  /** Scheduling priority of copies, 0 to 19. */
  readonly copyNice: number;
  /** ioprio_set(2) class of copies; none: as the process itself. */
  readonly copyIoClass: 'none' | 'best-effort' | 'idle';
  /** A capture is given up when a file system with one of its overlays has less room than this and what the commit needs. */
  readonly overlayLowSpaceBytes: number;
  /** 0: unlimited. */
  readonly copyBandwidthBytesPerSecond: number;
  readonly commitBandwidthBytesPerSecond: number;
  /** How long a shelved instance stays on its host; 0: not at all; null: for ever. */
  readonly shelvedOffloadTimeMs: number | null;
  /** Who is told of backups that fail, come right again, or are overdue. */
  readonly notify: {
    /** http:// or https:// URL. */
    readonly webhookUrl: string | null;
    /** File with the key that signs what the webhook is told. */
    readonly webhookSecretFile: string | null;
    /** Program that is run with the notification on its standard input. */
    readonly command: string | null;
  };
  /** Backups of schedules at once; what they need of captures and copies they wait for. */
  readonly maxConcurrentBackups: number;
  /** How long a deleted image can be brought back; 0: not at all. */
  readonly recyclePeriodMs: number;
  /** What this host is called in a store that several share. */
  readonly hostName: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Folders that an agent may import from and export to; an embedded application uses its caller's rights instead. */
  readonly transferDirs: readonly string[];
}
