/** How an S3 server is spoken to. */
export interface S3Settings {
  /** URL; null: that of the credentials' profile or of Amazon. */
  readonly endpoint: string | null;
  readonly region: string;
  /** The bucket in the path, not in the host name. */
  readonly isPathStyle: boolean;
  /** In the format of ~/.aws/credentials, readable by its owner alone; null: the standard chain. */
  readonly credentialsFile: string | null;
  readonly profile: string | null;
  /** Encryption by the server. */
  readonly serverSideEncryption: 'AES256' | 'aws:kms' | null;
  readonly kmsKeyId: string | null;
  /** Of multipart uploads and ranged downloads; grows with files that would have more than 10,000 parts. */
  readonly partBytes: number;
  /** Requests at once for one file. */
  readonly concurrency: number;
  /** How long a request that may be repeated is repeated, with back-off. */
  readonly retryForMs: number;
}

export interface StoreSettings {
  readonly name: string;
  readonly location: string;
  /** null for a folder. */
  readonly s3: S3Settings | null;
}

/** An image service, and how to speak to it; files hold one secret each, readable by their owner alone. */
export interface ImageServiceSettings {
  readonly name: string;
  /** URL of the Image API; null: from the catalogue of the identity service. */
  readonly endpoint: string | null;
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly auth:
    | { readonly kind: 'none' }
    | {
        readonly kind: 'password';
        readonly authUrl: string;
        readonly username: string;
        readonly userDomain: string;
        readonly passwordFile: string;
        readonly project: string;
        readonly projectDomain: string;
      }
    | {
        readonly kind: 'application_credential';
        readonly authUrl: string;
        readonly id: string;
        readonly secretFile: string;
      };
  /** PEM file of who signs their certificates; null: those that this system trusts. */
  readonly ca: string | null;
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
  readonly s3: S3Settings;
  /** OpenStack image services. */
  readonly imageServices: readonly ImageServiceSettings[];
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
