import { withDeadline } from '../../lib/async.ts';
import { toDarkroomError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application } from '../../operations/application.ts';

export interface ReadinessCheck {
  readonly name: 'recovery' | 'libvirt' | 'store';
  readonly isOk: boolean;
  /** Why not; null when it is. */
  readonly reason: string | null;
}

export interface Readiness {
  readonly status: 'ready' | 'unready';
  readonly checks: readonly ReadinessCheck[];
}

export type ProbedApplication = Pick<Application, 'isRecovered' | 'ping' | 'survey'>;

/** So that who asks often costs nothing. */
const KEPT_MS = 1000;
/** A probe of the store writes to its disk; a store that is well is believed for longer. */
const STORE_KEPT_MS = 10_000;
const DEADLINE_MS = 3000;
const SILENCE = `no answer within ${DEADLINE_MS / 1000} s`;

/** Whether the host can be worked on: what died is put right, libvirt answers, the store takes images. */
export function createReadiness(
  application: ProbedApplication,
  clock: Pick<Clock, 'monotonicMs'>,
): () => Promise<Readiness> {
  const libvirt = createProbe(clock, { name: 'libvirt', keptMs: KEPT_MS, work: () => application.ping() });
  const store = createProbe(clock, {
    name: 'store',
    keptMs: STORE_KEPT_MS,
    work: () => application.survey.requireWritableStore(),
  });
  return async () => {
    const checks = [checkRecovery(application), ...(await Promise.all([libvirt(), store()]))];
    return { status: checks.every(({ isOk }) => isOk) ? 'ready' : 'unready', checks };
  };
}

function checkRecovery({ isRecovered }: ProbedApplication): ReadinessCheck {
  const reason = isRecovered ? null : 'what earlier processes left unfinished is not put right yet';
  return { name: 'recovery', isOk: isRecovered, reason };
}

interface Probe {
  readonly name: ReadinessCheck['name'];
  /** How long it is believed that all is well. */
  readonly keptMs: number;
  readonly work: () => Promise<void>;
}

/** Gives the answer of the last time while it is fresh; a probe that hangs is not begun a second time. */
function createProbe(clock: Pick<Clock, 'monotonicMs'>, { name, keptMs, work }: Probe): () => Promise<ReadinessCheck> {
  let kept: { readonly check: ReadinessCheck; readonly untilMs: number } | null = null;
  let asking: Promise<ReadinessCheck> | null = null;
  const ask = async (): Promise<ReadinessCheck> => {
    const reason = await work().then(() => null, describe);
    const check = { name, isOk: reason === null, reason };
    kept = { check, untilMs: clock.monotonicMs() + (check.isOk ? keptMs : KEPT_MS) };
    asking = null;
    return check;
  };
  return async () => {
    if (kept !== null && clock.monotonicMs() < kept.untilMs) return kept.check;
    asking ??= ask();
    return await withDeadline(asking, DEADLINE_MS, silent).catch(() => ({ name, isOk: false, reason: SILENCE }));
  };
}

function describe(error: unknown): string {
  const { code, message } = toDarkroomError(error);
  return `${code}: ${message}`;
}

function silent(): Error {
  return new Error(SILENCE);
}
