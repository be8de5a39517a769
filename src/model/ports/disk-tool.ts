/** Formats that are read; only qcow2 and raw are ever written. */
export const READABLE_FORMATS = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc'] as const;
export type ReadableFormat = (typeof READABLE_FORMATS)[number];

export interface DiskFile {
  readonly path: string;
  /** Stated, never probed. */
  readonly format: ReadableFormat;
}

export interface DiskFileInfo {
  readonly path: string;
  readonly format: string;
  readonly virtualSizeBytes: number;
  /** Bytes allocated on the host. */
  readonly actualSizeBytes: number;
  readonly clusterSizeBytes: number | null;
  /** Backing file as the header names it (may be relative) and resolved; null when there is none. */
  readonly backing: { readonly name: string; readonly path: string; readonly format: string | null } | null;
  /** External data file named in the header; null when there is none. */
  readonly dataFile: string | null;
  readonly isEncrypted: boolean;
  /** The header's dirty or corrupt flag is set. */
  readonly isDirty: boolean;
  readonly isCorrupt: boolean;
  readonly internalSnapshotCount: number;
  readonly bitmaps: readonly { readonly name: string; readonly flags: readonly string[] }[];
}

export interface CreateDiskOptions extends DiskFile {
  /** Needed without a backing file; with one the default is its size. */
  readonly virtualSizeBytes?: number;
  readonly backing?: DiskFile;
  /** qcow2 sub-clusters: cheap scattered small writes in overlays. */
  readonly hasExtendedL2?: boolean;
}

export interface ConvertOptions {
  readonly source: DiskFile;
  /** Must not exist. Flat: never a backing file. */
  readonly target: DiskFile;
  /** Share of the work done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
  /** Called once with the pid of the running process, for the journal. */
  readonly onStart?: (pid: number) => void;
  readonly bandwidthBytesPerSecond?: number;
  /** Copies the dirty bitmaps of the top layer too (qcow2 to qcow2), but for those that are inconsistent. */
  readonly hasBitmaps?: boolean;
}

export interface CommitDiskOptions {
  /** 0, the default: unlimited. */
  readonly bandwidthBytesPerSecond?: number;
}

export interface CheckResult {
  readonly isSound: boolean;
  readonly corruptions: number;
  readonly leaks: number;
  readonly checkErrors: number;
}

/**
 * qemu-img, one method for each subcommand. A failure is QEMU_IMG_FAILED (fields: subcommand, exitCode; message with
 * stderr), NO_SPACE when stderr says so, CANCELLED when the signal fired, TOOL_MISSING when it is not installed.
 * Processes die with this one.
 */
export interface DiskTool {
  version(): Promise<string>;
  create(options: CreateDiskOptions, signal?: AbortSignal): Promise<void>;
  /** Reads a file that a running guest may have open. */
  info(disk: DiskFile, signal?: AbortSignal): Promise<DiskFileInfo>;
  /** From the top to the base; each layer opened with the format that its overlay's header states. */
  infoChain(disk: DiskFile, signal?: AbortSignal): Promise<readonly DiskFileInfo[]>;
  convert(options: ConvertOptions, signal?: AbortSignal): Promise<void>;
  /** Bytes that a flat copy in `targetFormat` needs at most. */
  measure(source: DiskFile, targetFormat: 'qcow2' | 'raw', signal?: AbortSignal): Promise<number>;
  check(disk: DiskFile, signal?: AbortSignal): Promise<CheckResult>;
  /** True when both have the same content; a longer one may end in zeroes. */
  compare(left: DiskFile, right: DiskFile, signal?: AbortSignal): Promise<boolean>;
  rebase(
    disk: DiskFile,
    options: { readonly backing: DiskFile | null; readonly isUnsafe?: boolean },
    signal?: AbortSignal,
  ): Promise<void>;
  /** Merges an overlay that nobody has open into its backing file; leaves the overlay's file in place. */
  commit(disk: DiskFile, options?: CommitDiskOptions, signal?: AbortSignal): Promise<void>;
  /**
   * Keeps a file open with QEMU's read lock until disposed, so that no guest can start writing to it meanwhile.
   * INSTANCE_BUSY when somebody writes to it already.
   */
  holdForReading(disk: DiskFile): Promise<AsyncDisposable>;
  resize(disk: DiskFile, virtualSizeBytes: number, signal?: AbortSignal): Promise<void>;
  removeBitmap(disk: DiskFile, bitmap: string, signal?: AbortSignal): Promise<void>;
}
