import type { SnapshotRecord } from './snapshot.ts';

/** When a volume holds a snapshot again: later than every other, also where a clock went back. RFC 3339, UTC. */
export function headTimeAfter(snapshots: readonly Pick<SnapshotRecord, 'headAt'>[], now: Date): string {
  const latest = snapshots.reduce((ms, { headAt }) => Math.max(ms, Date.parse(headAt)), Number.NEGATIVE_INFINITY);
  return new Date(Math.max(now.getTime(), Number.isFinite(latest) ? latest + 1 : now.getTime())).toISOString();
}
