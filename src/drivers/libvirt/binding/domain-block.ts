import koffi from 'koffi';
import { checked } from './last-error.ts';
import { declareFunctions, type Pointer } from './library.ts';

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobAbortFlags */
export const BLOCK_JOB_ABORT = { pivot: 1 << 1 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobSetSpeedFlags */
export const BLOCK_JOB_SPEED = { bandwidthBytes: 1 << 0 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockCommitFlags */
export const BLOCK_COMMIT = { active: 1 << 2, bandwidthBytes: 1 << 4 } as const;

/** https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobInfo */
export interface BlockJobInfo {
  /** virDomainBlockJobType. */
  readonly type: number;
  /** Bytes (or the driver's own unit) done, and in all. */
  readonly cur: number;
  readonly end: number;
}

export interface BlockCommit {
  /** Target name of the disk, such as vda. */
  readonly disk: string;
  readonly base: string;
  readonly top: string;
  /** MiB/s, or bytes/s with BLOCK_COMMIT.bandwidthBytes; 0: no limit. */
  readonly bandwidth: number;
}

interface Native {
  getBlockJobInfo(domain: Pointer, disk: string, info: Partial<BlockJobInfo>, flags: number): number;
  blockJobAbort(domain: Pointer, disk: string, flags: number): number;
  blockJobSetSpeed(domain: Pointer, disk: string, bandwidth: number, flags: number): number;
  blockCommit(...args: [Pointer, disk: string, base: string, top: string, bandwidth: number, flags: number]): number;
}

const native = declareFunctions((library): Native => {
  koffi.struct('virDomainBlockJobInfo', { type: 'int', bandwidth: 'ulong', cur: 'uint64_t', end: 'uint64_t' });
  return {
    getBlockJobInfo: library.func(
      'int virDomainGetBlockJobInfo(void *domain, const char *disk, _Out_ virDomainBlockJobInfo *info, uint flags)',
    ),
    blockJobAbort: library.func('int virDomainBlockJobAbort(void *domain, const char *disk, uint flags)'),
    blockJobSetSpeed: library.func(
      'int virDomainBlockJobSetSpeed(void *domain, const char *disk, ulong bandwidth, uint flags)',
    ),
    blockCommit: library.func(
      'int virDomainBlockCommit(void *domain, const char *disk, const char *base, const char *top, ulong bandwidth, uint flags)',
    ),
  };
});

/**
 * The block job of a disk; null when there is none. `cur` equal to `end` does not prove that a mirror is ready.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetBlockJobInfo
 */
export function getBlockJobInfo(domain: Pointer, disk: string): BlockJobInfo | null {
  const info: Partial<BlockJobInfo> = {};
  const found = checked('virDomainGetBlockJobInfo', native().getBlockJobInfo(domain, disk, info, 0));
  if (found === 0) return null;
  const { type = 0, cur = 0, end = 0 } = info;
  return { type, cur, end };
}

/**
 * Ends the block job of a disk and waits until it has ended; with BLOCK_JOB_ABORT.pivot a ready mirror's destination
 * becomes the disk, and VIR_ERR_BLOCK_COPY_ACTIVE says that it is not ready yet.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobAbort
 */
export function blockJobAbort(domain: Pointer, disk: string, flags: number): void {
  checked('virDomainBlockJobAbort', native().blockJobAbort(domain, disk, flags));
}

/**
 * Changes the limit of a running job: MiB/s, or bytes/s with BLOCK_JOB_SPEED.bandwidthBytes; 0: none.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockJobSetSpeed
 */
export function blockJobSetSpeed(
  domain: Pointer,
  { disk, bandwidth }: { readonly disk: string; readonly bandwidth: number },
  flags: number,
): void {
  checked('virDomainBlockJobSetSpeed', native().blockJobSetSpeed(domain, disk, bandwidth, flags));
}

/**
 * Starts merging `top` into `base`, both paths in the disk's chain; the job runs on after the call.
 * https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainBlockCommit
 */
export function blockCommit(domain: Pointer, commit: BlockCommit, flags: number): void {
  const { disk, base, top, bandwidth } = commit;
  checked('virDomainBlockCommit', native().blockCommit(domain, disk, base, top, bandwidth, flags));
}
