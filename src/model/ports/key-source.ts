/** A passphrase, kept so that no log and no JSON shows it. */
export interface DiskKey {
  reveal(): string;
}

/** Where the key for encrypted snapshots and images comes from: a file or a command of the configuration. */
export interface KeySource {
  /** Whether a key is configured at all. */
  readonly isConfigured: boolean;
  /** ENCRYPTION_KEY_MISSING when none is configured, or it cannot be had. Asked for anew each time; never kept on disk. */
  read(): Promise<DiskKey>;
}
