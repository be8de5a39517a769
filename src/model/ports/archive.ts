export interface ArchiveOptions {
  readonly signal?: AbortSignal;
  /** Bytes so far. */
  readonly onBytes?: (total: number) => void;
  /** 0, the default: unlimited. */
  readonly bandwidthBytesPerSecond?: number;
}

/** A file that goes into an archive under that name: of the host, of exactly that length, or content as it is. */
export type ArchiveSource =
  | { readonly name: string; readonly path: string; readonly sizeBytes: number }
  | { readonly name: string; readonly content: Uint8Array };

export interface WrittenArchive {
  readonly sizeBytes: number;
  /** Lower-case hex, of the archive as a whole, and of what was read for each of its files, in order. */
  readonly sha256: string;
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
}

export interface ArchiveEntry {
  readonly name: string;
  /** Links, folders, devices: `other`. */
  readonly kind: 'file' | 'other';
  readonly sizeBytes: number;
  /** Its content. SNAPSHOT_REJECTED when it is longer than that. */
  readBytes(options: { readonly maxBytes: number }): Promise<Uint8Array>;
  /**
   * Writes it to a file that does not exist yet, mode 0600, with an fsync; runs of zeroes become holes. Lower-case hex SHA-256 of
   * what was written. NO_SPACE, CANCELLED; what could not be finished is removed.
   */
  writeTo(path: string, options?: ArchiveOptions): Promise<string>;
}

export interface ArchiveReader extends AsyncDisposable {
  /** In the order of the archive; null after the last. What was not read of the one before is passed over. */
  next(): Promise<ArchiveEntry | null>;
}

/** One file that holds others: tar (POSIX.1-2001), so that everybody can open it. */
export interface Archives {
  /** The target must not exist; mode 0600, with an fsync. What could not be finished is removed. NO_SPACE, CANCELLED, COPY_FAILED. */
  write(target: string, sources: readonly ArchiveSource[], options?: ArchiveOptions): Promise<WrittenArchive>;
  /** What is no archive, or is cut off, is SNAPSHOT_REJECTED when it is read. */
  open(path: string): ArchiveReader;
}
