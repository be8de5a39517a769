import type { DiskKey } from './key-source.ts';

/** Formats that are read; only qcow2 and raw are ever written. */
export const READABLE_FORMATS = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc'] as const;
export type ReadableFormat = (typeof READABLE_FORMATS)[number];

export interface DiskFile {
  readonly path: string;
  /** Stated, never probed. */
  readonly format: ReadableFormat;
  /** For a LUKS-encrypted qcow2 and every encrypted layer below it. ENCRYPTION_KEY_WRONG where it does not open one. */
  readonly key?: DiskKey;
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
  /** Of a qcow2 backing file that is not looked at and need not be there: what the header calls it. The size must be stated; not beside `backing`. */
  readonly backingName?: string;
  /** qcow2 sub-clusters: cheap scattered small writes in overlays. */
  readonly hasExtendedL2?: boolean;
}

export interface ConvertOptions {
  readonly source: DiskFile;
  /** Must not exist. Flat, unless `backing`. With a key, a qcow2 becomes LUKS-encrypted. */
  readonly target: DiskFile;
  /**
   * Re-encodes the source's top layer alone: the target holds what that layer holds and has this as its backing file, whose content
   * must be that of the source's own backing file.
   */
  readonly backing?: DiskFile;
  /** Share of the work done, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
  /** Called once with the pid of the running process, for the journal. */
  readonly onStart?: (pid: number) => void;
  readonly bandwidthBytesPerSecond?: number;
  /** Clusters of the target are compressed. */
  readonly compression?: 'zstd';
  /** Copies the dirty bitmaps of the top layer too (qcow2 to qcow2), but for those that are inconsistent. */
  readonly hasBitmaps?: boolean;
}

export interface CommitDiskOptions {
  /** 0, the default: unlimited. */
  readonly bandwidthBytesPerSecond?: number;
}

export interface CopyDirtyOptions {
  /** A qcow2 that nobody writes to. */
  readonly source: DiskFile;
  /** A bitmap in it that is not in use. */
  readonly bitmap: string;
  /** Exists, of the same size; what is not dirty stays as it is. */
  readonly target: DiskFile;
  readonly onProgress?: (fraction: number) => void;
  readonly onStart?: (pid: number) => void;
}

/** What one layer itself holds; the rest comes from below. */
export interface DiskAllocation {
  readonly clusterSizeBytes: number;
  /** In order, not overlapping. isZero: reads as zeroes without taking space. */
  readonly extents: readonly { readonly start: number; readonly length: number; readonly isZero: boolean }[];
}

/** A disk that is offered for reading until it is disposed. */
export interface DiskExport extends AsyncDisposable {
  /** Of the serving process, for the journal. */
  readonly pid: number;
  /** Resolves when it ends by itself. */
  readonly ended: Promise<void>;
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
  /** What the header of a qcow2 calls its backing file; null: it stands alone. Opens no other file, and starts no process. */
  readBackingName(path: string): Promise<string | null>;
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
    options: {
      readonly backing: DiskFile | null;
      readonly isUnsafe?: boolean;
      /** What the header says instead of the backing's full path, such as a relative name; unsafe only. */
      readonly backingName?: string;
    },
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
  /** A persistent bitmap that records from now on, 64 KiB a bit, in a qcow2 that nobody has open. */
  addBitmap(disk: DiskFile, bitmap: string, signal?: AbortSignal): Promise<void>;
  /** Copies what the bitmap says has changed, in whole clusters (blockdev-backup of qemu-storage-daemon). */
  copyDirty(options: CopyDirtyOptions, signal?: AbortSignal): Promise<void>;
  /** Of the top layer alone. */
  mapAllocation(disk: DiskFile, signal?: AbortSignal): Promise<DiskAllocation>;
  /** Offers it read-only as NBD on a unix socket that is made with mode 0600 (qemu-nbd). */
  exportNbd(disk: DiskFile, options: { readonly socketPath: string; readonly name: string }): Promise<DiskExport>;
  /** Lets it be seen read-only as the raw file `filePath`, which exists and is empty (FUSE export of qemu-storage-daemon). */
  exportFile(disk: DiskFile, options: { readonly filePath: string }): Promise<DiskExport>;
}
