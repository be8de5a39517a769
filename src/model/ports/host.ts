import type { ProcessIdentity } from '../operation.ts';

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'block-device' | 'other';
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
  readonly inode: number;
  /** Id of the file system it lies on. */
  readonly device: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Names that lead to it. */
  readonly links: number;
  /** Last change of its content, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

export interface FileOwnership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** A file or folder held open: whatever happens to its name, this is what was looked at. */
export interface HeldFile extends AsyncDisposable {
  /** Where it lies, links resolved. */
  readonly realPath: string;
  readonly stat: FileStat;
  /** Leads to exactly this file, for child processes too, until it is disposed. */
  readonly heldPath: string;
  /** What there is of that range; shorter where the file ends. */
  read(range: { readonly offsetBytes: number; readonly lengthBytes: number }): Promise<Uint8Array>;
}

/**
 * Files of this host. Node's errors come through as they are, but for ENOSPC, EDQUOT (NO_SPACE), EROFS, EACCES
 * (STORE_UNUSABLE where a store is meant: the caller maps them).
 */
export interface HostFiles {
  /** null when nothing is there. Follows links. */
  stat(path: string): Promise<FileStat | null>;
  /** Names in a folder; [] when there is no folder. */
  list(directory: string): Promise<readonly string[]>;
  freeBytes(path: string): Promise<number>;
  /** Creates missing parents too. */
  makeDirectory(path: string, ownership?: Partial<FileOwnership>): Promise<void>;
  /** Reads at most `maxBytes`; longer files are an error. */
  readText(path: string, options: { readonly maxBytes: number }): Promise<string>;
  readBytes(path: string, options: { readonly maxBytes: number }): Promise<Uint8Array>;
  /** Temporary name, fsync, rename, fsync of the folder. */
  writeDurably(path: string, content: string | Uint8Array, ownership?: Partial<FileOwnership>): Promise<void>;
  /** Shares the blocks (FICLONE). False where the file system cannot; then nothing is left at `target`. */
  tryClone(source: string, target: string): Promise<boolean>;
  /**
   * Gives the file a second name (link(2)), durably. False where the two lie on different file systems or the file system has no
   * links; then nothing is left at `target`. A target that exists is EEXIST and stays as it is.
   */
  tryLink(source: string, target: string): Promise<boolean>;
  /** `bandwidthBytesPerSecond` 0, the default: unlimited, as is what shares its blocks. */
  copy(
    source: string,
    target: string,
    options?: {
      readonly signal?: AbortSignal;
      readonly onBytes?: (total: number) => void;
      readonly bandwidthBytesPerSecond?: number;
    },
  ): Promise<void>;
  /** Copies a folder with owners and modes; returns the paths of its files, relative. */
  copyTree(source: string, target: string): Promise<readonly string[]>;
  /**
   * Takes room for a file to grow to `totalBytes` without changing its length (fallocate(2), FALLOC_FL_KEEP_SIZE). NO_SPACE. False
   * where the file system has no such thing.
   */
  reserve(path: string, totalBytes: number): Promise<boolean>;
  /** Gives back what was reserved beyond the file's end. */
  releaseReserve(path: string): Promise<void>;
  /** fsync of a file or folder. */
  sync(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  setOwnership(path: string, ownership: Partial<FileOwnership>): Promise<void>;
  /** No error when it is gone. */
  remove(path: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  /** Lower-case hex SHA-256 of the content, read in a thread of its own. */
  hash(path: string, options?: HashOptions): Promise<string>;
  /** The same of a file that is there and is written meanwhile, from what is in it. */
  hashGrowing(path: string, options?: HashOptions): GrowingHash;
  /** Opens for reading without waiting for anybody (a named pipe); null when nothing is there. Follows links. */
  hold(path: string): Promise<HeldFile | null>;
  /** uid and gid of the user that QEMU runs as; null when there is no such user. */
  lookUpUser(name: string): Promise<{ readonly uid: number; readonly gid: number } | null>;
}

export interface HashOptions {
  readonly signal?: AbortSignal;
  readonly onBytes?: (total: number) => void;
}

/** Disposed of before the end: it is given up. */
export interface GrowingHash extends AsyncDisposable {
  /** So much from the beginning of the file is there and stays as it is. */
  reach(leadingBytes: number): void;
  /** The file is whole. */
  end(): Promise<string>;
}

export interface Processes {
  readonly self: ProcessIdentity;
  isAlive(identity: ProcessIdentity): boolean;
  /** Identity of a running process; null when there is none. */
  identify(pid: number): ProcessIdentity | null;
  /** Ends exactly this process (SIGKILL) and waits until it is gone; nothing when it already is. */
  kill(identity: ProcessIdentity): Promise<void>;
}

export interface Clock {
  now(): Date;
  /** Milliseconds from an arbitrary start, never going back. */
  monotonicMs(): number;
  /** Rejects with CANCELLED when the signal fires. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface SeedContent {
  readonly userData: string;
  readonly metaData: string;
}

/** NoCloud seed disks (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html). */
export interface SeedBuilder {
  /** Writes an ISO 9660 file labelled `cidata`. TOOL_MISSING where the tool is not installed. */
  create(path: string, content: SeedContent, signal?: AbortSignal): Promise<void>;
}

/** virt-sysprep (https://libguestfs.org/virt-sysprep.1.html). */
export interface Generalizer {
  /** TOOL_MISSING unless it is installed and can be run. */
  assertAvailable(): Promise<void>;
  /** Removes identity (machine-id, host keys, leases …) from the first disk's system. GENERALIZE_FAILED when it knows no system there. */
  generalize(disks: readonly { readonly path: string; readonly format: string }[], signal?: AbortSignal): Promise<void>;
}
