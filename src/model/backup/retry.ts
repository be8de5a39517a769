const MINUTE_MS = 60_000;
const WAITS_MS = [1, 5, 15, 60].map((minutes) => minutes * MINUTE_MS);

const BUSY_WAIT_MS = MINUTE_MS;
const LONGEST_BUSY_MS = 360 * MINUTE_MS;

export interface FailedTry {
  /** Tries so far, with the one that failed. */
  readonly attempts: number;
  readonly now: Date;
  /** When the schedule's next run is due, which is as good as another try; null: never. */
  readonly nextDueAt: Date | null;
}

/** When a backup that failed is tried again; null: not any more. */
export function planRetry({ attempts, now, nextDueAt }: FailedTry): Date | null {
  const waitMs = WAITS_MS[attempts - 1];
  if (waitMs === undefined) return null;
  const at = new Date(now.getTime() + waitMs);
  return nextDueAt !== null && at >= nextDueAt ? null : at;
}

/** When one that had to wait for others is tried again, which is no try; null: it waited long enough. */
export function planWait({ busySince, now }: { readonly busySince: Date; readonly now: Date }): Date | null {
  if (now.getTime() - busySince.getTime() >= LONGEST_BUSY_MS) return null;
  return new Date(now.getTime() + BUSY_WAIT_MS);
}

/** Whether the nth good backup of an instance is booted, where every `bootEvery`th is. */
export function isBootTurn(bootEvery: number, nth: number): boolean {
  return bootEvery > 0 && nth % bootEvery === 0;
}
