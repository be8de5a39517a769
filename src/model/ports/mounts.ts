/** What is mounted on this host. */
export interface Mounts {
  /**
   * Mounts the first file system of a raw disk on an empty folder, read-only: that of the disk itself, or of the first of its
   * partitions that has one. DISK_UNSUPPORTED when there is none that can be mounted, TOOL_MISSING, CANCELLED.
   */
  mountFirst(disk: string, directory: string, signal?: AbortSignal): Promise<void>;
  /** Whatever is mounted on that file or folder, also what is dead already. No error when nothing is. COMMAND_FAILED. */
  unmount(target: string): Promise<void>;
}
