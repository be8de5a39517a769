import { DarkroomError } from '../../../model/errors.ts';
import { formatBytes } from '../../../model/format-bytes.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import { measureOverlays, type OverlaySpace, type Shortage } from './overlay-space.ts';

const POLL_MS = 250;
/** How often the figures go on record for whoever looks at the journal; each time costs a write to the disk. */
const RECORD_MS = 5_000;

export interface OverlayWatch extends AsyncDisposable {
  /** Fires when the overlays must come home now. */
  readonly signal: AbortSignal;
  /** Why it fired; null before. */
  readonly failure: DarkroomError | null;
}

/**
 * Looks at the overlays and at the space around them from the snapshot until it is disposed of. A guest whose overlay cannot grow
 * is stopped in the middle of a write, so the capture is given up before that: NO_SPACE without `neededBytes`, because nothing was
 * refused here. The guest had been put on overlays, all is rolled back, and the operation says STORE_WRITE_FAILED.
 */
export function watchOverlays(context: OperationContext, plan: CapturePlan): OverlayWatch {
  const shortage = new AbortController();
  const stop = new AbortController();
  const record = recordPeaks(context);
  let failure: DarkroomError | null = null;
  const lookOnce = async (): Promise<void> => {
    const space = await measureOverlays(context, plan.disks);
    await record(space);
    if (space.shortage === null || failure !== null) return;
    failure = givenUp(context, plan, space.shortage);
    context.log.warn({ ...failure.fields }, 'an overlay is running out of space');
    shortage.abort();
  };
  const watching = (async (): Promise<void> => {
    while (!stop.signal.aborted) {
      // a look that failed is followed by the next one
      await lookOnce().catch((error: unknown) => context.log.warn({ error: String(error) }, 'no look at the overlays'));
      await context.clock.sleep(POLL_MS, stop.signal).catch(() => undefined);
    }
  })();
  return {
    signal: shortage.signal,
    get failure() {
      return failure;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}

/** The most that was seen, as timings of the operation. */
function recordPeaks(context: OperationContext): (space: OverlaySpace) => Promise<void> {
  let peak = 0;
  let recordedMs = context.clock.monotonicMs();
  let isNew = false;
  const peaks = new Map<string, number>();
  const raise = (target: string, bytes: number): void => {
    if (bytes <= (peaks.get(target) ?? -1)) return;
    peaks.set(target, bytes);
    context.operation.addTiming(`overlayPeakBytes.${target}`, bytes);
    isNew = true;
  };
  return async ({ overlayBytes }) => {
    for (const [target, bytes] of overlayBytes) raise(target, bytes);
    peak = Math.max(
      peak,
      [...overlayBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
    );
    context.operation.addTiming('overlayPeakBytes', peak);
    const nowMs = context.clock.monotonicMs();
    if (!isNew || nowMs - recordedMs < RECORD_MS) return;
    recordedMs = nowMs;
    isNew = false;
    await context.operation.recordTimings();
  };
}

function givenUp(context: OperationContext, plan: CapturePlan, shortage: Shortage): DarkroomError {
  const { place, targets, freeBytes, overlayBytes, commitBytes } = shortage;
  const { overlayLowSpaceBytes } = context.settings;
  const disks = `${targets.length === 1 ? 'disk' : 'disks'} ${targets.join(', ')}`;
  return new DarkroomError(
    'NO_SPACE',
    `The capture was given up before ${plan.instanceName} could run out of space: the file system of ${place}, with the overlay of ` +
      `${disks} (${formatBytes(overlayBytes)}), has ${formatBytes(freeBytes)} free. Its commit may need ${formatBytes(commitBytes)}, and ` +
      `${formatBytes(overlayLowSpaceBytes)} stay free (overlay_low_space). Free some space, or capture ` +
      'while the guest writes less.',
    {
      fields: {
        instanceId: plan.instanceId,
        target: targets.join(','),
        path: place,
        freeBytes,
        overlayBytes,
        commitBytes,
        overlayLowSpaceBytes,
      },
    },
  );
}
