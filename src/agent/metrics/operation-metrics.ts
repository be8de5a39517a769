import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { ERROR_CODES } from '../../model/errors.ts';
import {
  type JournalledOperation,
  OPERATION_KINDS,
  OPERATION_STATUSES,
  type Operation,
  type OperationKind,
} from '../../model/operation.ts';
import type { Clock } from '../../model/ports/host.ts';

const MIB = 1024 ** 2;
const DURATION_BUCKETS = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 1800, 3600, 10_800];
/** Windows gives up a freeze at 10 s; the window of ours ends at 8. */
const HOLD_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 10, 20, 60];
const OVERLAY_BUCKETS = [1, 16, 64, 256, 1024, 4096, 16_384, 65_536].map((mib) => mib * MIB);

/** Captures of guests, whose failures are told by their reasons. */
const CAPTURES: readonly OperationKind[] = ['image.create', 'backup.create', 'snapshot.create'];
/** What they read is copied nowhere. */
const READERS: readonly OperationKind[] = ['image.verify', 'snapshot.verify'];
/** Steps in which a guest waits for us. */
const HOLDING_STEPS: Readonly<Record<string, 'frozen' | 'paused'>> = { freezing: 'frozen', pausing: 'paused' };
/** More than the journal keeps, so that none is counted twice while it can still change. */
const REMEMBERED = 2000;

interface Running {
  readonly kind: OperationKind;
  readonly step: string;
  readonly sinceMs: number;
}

export interface OperationMetrics {
  /** What runs, or is not put right, already: its end counts, its past does not. */
  begin(known: { readonly running: readonly Operation[]; readonly unsettled: readonly Operation[] }): void;
  /** An operation that changed, in the order of the changes. True when it ended with this. */
  see(entry: JournalledOperation): boolean;
}

/** Figures of all operations of this host, whatever process runs them. */
export function createOperationMetrics(registry: Registry, clock: Pick<Clock, 'monotonicMs'>): OperationMetrics {
  const running = new Map<string, Running>();
  const unsettled = new Set<string>();
  const counted = new Set<string>();
  const record = createRecorder(registry);
  addGauges(registry, { running, unsettled, clock });

  const note = ({ id, kind, step }: Operation): void => {
    if (running.get(id)?.step !== step) running.set(id, { kind, step, sinceMs: clock.monotonicMs() });
  };
  return {
    begin: (known) => {
      for (const operation of known.running) note(operation);
      for (const { id, status } of known.unsettled) {
        if (status === 'running') continue;
        unsettled.add(id);
        counted.add(id);
      }
    },
    see: ({ operation, plan }) => {
      const { id } = operation;
      if (operation.status === 'running') {
        note(operation);
        return false;
      }
      running.delete(id);
      if (plan === null) unsettled.delete(id);
      else unsettled.add(id);
      if (counted.has(id)) return false;
      remember(counted, id);
      record(operation);
      return true;
    },
  };
}

function remember(ids: Set<string>, id: string): void {
  ids.add(id);
  const [oldest] = ids;
  if (ids.size > REMEMBERED && oldest !== undefined) ids.delete(oldest);
}

function createRecorder(registry: Registry): (operation: Operation) => void {
  const registers = [registry];
  const total = new Counter({
    name: 'darkroom_operations_total',
    help: 'Operations of this host that ended, of the agent and of every other process.',
    labelNames: ['kind', 'status'] as const,
    registers,
  });
  const duration = new Histogram({
    name: 'darkroom_operation_duration_seconds',
    help: 'From start to end of operations; those that their process did not survive are left out.',
    labelNames: ['kind'] as const,
    buckets: DURATION_BUCKETS,
    registers,
  });
  const copied = new Counter({
    name: 'darkroom_copied_bytes_total',
    help: 'Bytes that operations wrote as copies of disks; blocks that are shared or moved are not.',
    labelNames: ['kind'] as const,
    registers,
  });
  const captureFailures = new Counter({
    name: 'darkroom_capture_failures_total',
    help: 'Captures that ended without an image or a snapshot, by the code of their error.',
    labelNames: ['code'] as const,
    registers,
  });
  const observeHolds = createHoldObserver(registry);
  // a series that begins with its first event hides that event from rate() and increase()
  for (const kind of OPERATION_KINDS) {
    copied.inc({ kind }, 0);
    for (const status of OPERATION_STATUSES) if (status !== 'running') total.inc({ kind, status }, 0);
  }
  for (const code of ERROR_CODES) captureFailures.inc({ code }, 0);
  return (operation) => {
    const { kind, status, timings, error } = operation;
    total.inc({ kind, status });
    const totalMs = timings['totalMs'];
    if (totalMs !== undefined) duration.observe({ kind }, totalMs / 1000);
    copied.inc({ kind }, copiedBytes(operation));
    if (status !== 'succeeded' && error !== null && CAPTURES.includes(kind)) captureFailures.inc({ code: error.code });
    observeHolds(timings);
  };
}

function createHoldObserver(registry: Registry): (timings: Operation['timings']) => void {
  const registers = [registry];
  const freeze = new Histogram({
    name: 'darkroom_freeze_seconds',
    help: 'How long captures kept the file systems of a guest frozen.',
    buckets: HOLD_BUCKETS,
    registers,
  });
  const pause = new Histogram({
    name: 'darkroom_pause_seconds',
    help: 'How long captures kept the vCPUs of a guest stopped.',
    buckets: HOLD_BUCKETS,
    registers,
  });
  const overlayPeak = new Histogram({
    name: 'darkroom_overlay_peak_bytes',
    help: 'The most that the overlays of a capture took at once.',
    buckets: OVERLAY_BUCKETS,
    registers,
  });
  return ({ freezeMs = 0, pauseMs = 0, overlayPeakBytes = 0 }) => {
    if (freezeMs > 0) freeze.observe(freezeMs / 1000);
    if (pauseMs > 0) pause.observe(pauseMs / 1000);
    if (overlayPeakBytes > 0) overlayPeak.observe(overlayPeakBytes);
  };
}

/** What copies took on the host where that is told, else what their progress came to. */
function copiedBytes({ kind, timings, progress }: Operation): number {
  const told = timings['copiedBytes'];
  if (told !== undefined) return told;
  return !READERS.includes(kind) && progress?.unit === 'bytes' ? progress.done : 0;
}

interface Current {
  readonly running: ReadonlyMap<string, Running>;
  readonly unsettled: ReadonlySet<string>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

function addGauges(registry: Registry, { running, unsettled, clock }: Current): void {
  const registers = [registry];
  new Gauge({
    name: 'darkroom_operations_running',
    help: 'Operations of this host that go on.',
    labelNames: ['kind'] as const,
    registers,
    collect() {
      for (const kind of OPERATION_KINDS) this.set({ kind }, 0);
      for (const { kind } of running.values()) this.inc({ kind });
    },
  });
  new Gauge({
    name: 'darkroom_operations_unsettled',
    help: 'Operations that ended and left something that is not put right yet.',
    registers,
    collect() {
      this.set(unsettled.size);
    },
  });
  new Gauge({
    name: 'darkroom_guest_held_seconds',
    help: 'How long the guest that waits longest has now been held for its capture.',
    labelNames: ['how'] as const,
    registers,
    collect() {
      for (const how of ['frozen', 'paused'] as const) this.set({ how }, longestHold(running, how, clock) / 1000);
    },
  });
}

function longestHold(running: Current['running'], how: 'frozen' | 'paused', clock: Current['clock']): number {
  const held = [...running.values()].filter(({ step }) => HOLDING_STEPS[step] === how);
  return held.reduce((longest, { sinceMs }) => Math.max(longest, clock.monotonicMs() - sinceMs), 0);
}
