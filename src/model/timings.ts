/**
 * The figures in an operation's `timings`, by name: milliseconds, or bytes where the name ends in `Bytes`. The six that are marked
 * are there for every capture and every shelve that began, 0 where there was none of it.
 */
const TIMINGS = {
  /** Of the whole operation. */
  totalMs: 'from start to end',

  /** The guest's file systems were frozen (*). */
  freezeMs: 'freeze, snapshot and thaw',
  /** Its vCPUs were stopped (*). */
  pauseMs: 'pause, snapshot and resume',
  /** The disks were copied, waits for slots in between included (*). */
  copyMs: 'copies of all disks',
  /** Overlays were brought back, the wait for a slot included (*). */
  commitMs: 'commits of all overlays',
  /** Allocated by the copies on the host; 0 for disks that were cloned or moved (*). */
  copiedBytes: 'written by copies',
  /** The most that all overlays took at once; 0 without overlays (*). Kept up to date while they are there. */
  overlayPeakBytes: 'overlays at their largest',

  freezeCallMs: 'freeze call',
  snapshotCallMs: 'snapshot call',
  thawCallMs: 'thaw call',
  generalizeMs: 'virt-sysprep',
  verifyMs: 'check and checksums',
  stopMs: 'until the guest was off',
  disksMs: 'disks of a launch',
  bootMs: 'boot of a verification',
} as const;

/** `overlayPeakBytes.<target>` is the part of one disk. */
export type TimingName = keyof typeof TIMINGS | `overlayPeakBytes.${string}`;

/** What every capture and every shelve starts from. */
export const NO_CAPTURE_TIMINGS = {
  freezeMs: 0,
  pauseMs: 0,
  copyMs: 0,
  commitMs: 0,
  copiedBytes: 0,
  overlayPeakBytes: 0,
} as const satisfies Partial<Record<TimingName, number>>;
