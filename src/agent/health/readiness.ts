import type { Readiness, ReadinessCheck } from '../../api/schemas/readiness.ts';
import { withDeadline } from '../../lib/async.ts';
import type { Logger } from '../../lib/logger.ts';
import { type ErrorCode, toDarkroomError } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { StoreOutage } from '../../model/store.ts';
import type { Application } from '../../operations/application.ts';
import type { LibvirtCheck } from '../daemon/libvirt-check.ts';

export interface ReadinessParts {
  readonly application: Pick<Application, 'isRecovered'> & {
    readonly survey: Pick<Application['survey'], 'requireWritableStore'>;
  };
  readonly libvirt: Pick<LibvirtCheck, 'ask'>;
  /** Of the host's own store. */
  readonly lastOutage?: () => StoreOutage | null;
  /** Closed: the agent stops. */
  readonly gate: { readonly isClosed: boolean };
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** So that who asks often costs nothing. */
const KEPT_MS = 1000;
/** A probe of the store writes to its disk; a store that is well is believed for longer. */
const STORE_KEPT_MS = 10_000;
const LIMIT_MS = 3000;

/** What was seen, with all that is known of a failure: for the log and the host itself, since strangers may ask whether a host is ready. */
interface Finding {
  readonly reason: string;
  readonly message: string;
  /** null: not by an error. */
  readonly code: ErrorCode | null;
}

export interface ReadinessQuestion {
  /** Who asks may know all that this host's administrators may. */
  readonly isLocal: boolean;
}

/** Whether the host can be worked on: what died is put right, libvirt answers, the store takes images, the agent goes on. */
export function createReadiness({
  application,
  libvirt,
  lastOutage,
  gate,
  clock,
  log,
}: ReadinessParts): (question: ReadinessQuestion) => Promise<Readiness> {
  const tell = createTeller(log);
  const askLibvirt = keepAnswer(clock, {
    keptMs: KEPT_MS,
    code: 'LIBVIRT_UNREACHABLE',
    ask: () => findLibvirt(libvirt),
  });
  const askStore = keepAnswer(clock, {
    keptMs: STORE_KEPT_MS,
    code: 'STORE_UNUSABLE',
    explain: () => explainOutage(lastOutage?.() ?? null),
    ask: () => findStore(application),
  });
  return async ({ isLocal }) => {
    const [libvirtFinding, storeFinding] = await Promise.all([askLibvirt(), askStore()]);
    const checks = [
      tell('recovery', application.isRecovered ? null : words('what died is not put right yet')),
      tell('libvirt', libvirtFinding),
      tell('store', storeFinding),
      tell('work', gate.isClosed ? words('the agent is stopping') : null),
    ];
    const status = checks.every(({ isOk }) => isOk) ? 'ready' : 'unready';
    return { status, checks: isLocal ? checks : checks.map((check) => ({ ...check, error: null })) };
  };
}

function words(message: string): Finding {
  return { reason: message, message, code: null };
}

async function findLibvirt(libvirt: ReadinessParts['libvirt']): Promise<Finding | null> {
  const { kind, error } = await libvirt.ask(LIMIT_MS);
  if (kind === 'answers') return null;
  const code = 'LIBVIRT_UNREACHABLE';
  return { reason: kind === 'silent' ? 'no answer' : code, message: error ?? kind, code };
}

async function findStore({ survey }: ReadinessParts['application']): Promise<Finding | null> {
  try {
    await survey.requireWritableStore();
    return null;
  } catch (error) {
    const { code, message } = toDarkroomError(error);
    return { reason: code, message, code };
  }
}

function explainOutage(outage: StoreOutage | null): string {
  return outage === null ? '' : `: ${outage.location} at ${outage.endpoint}: ${outage.reason}`;
}

interface Question {
  /** How long it is believed that all is well. */
  readonly keptMs: number;
  /** Of no answer. */
  readonly code: ErrorCode;
  /** Why there may be none. */
  readonly explain?: () => string;
  /** Never throws. */
  readonly ask: () => Promise<Finding | null>;
}

/** Gives the answer of the last time while it is fresh; a question that hangs is not asked a second time. */
function keepAnswer(
  clock: ReadinessParts['clock'],
  { keptMs, code, explain = () => '', ask }: Question,
): () => Promise<Finding | null> {
  const late = (): Finding => {
    const message = `no answer within ${LIMIT_MS / 1000} s, and it is waited for${explain()}`;
    return { reason: 'no answer', message, code };
  };
  let kept: { readonly finding: Finding | null; readonly untilMs: number } | null = null;
  let asking: Promise<Finding | null> | null = null;
  const askAnew = async (): Promise<Finding | null> => {
    const finding = await ask();
    kept = { finding, untilMs: clock.monotonicMs() + (finding === null ? keptMs : KEPT_MS) };
    asking = null;
    return finding;
  };
  return async () => {
    if (kept !== null && clock.monotonicMs() < kept.untilMs) return kept.finding;
    asking ??= askAnew();
    // what was seen the last time says more than that the next answer takes its time
    return await withDeadline(asking, LIMIT_MS, () => new Error('late')).catch(() => kept?.finding ?? late());
  };
}

/** Logs what became of a check when it is another than the last time. */
function createTeller(log: ReadinessParts['log']) {
  const failing = new Set<string>();
  return (name: ReadinessCheck['name'], finding: Finding | null): ReadinessCheck => {
    if (finding === null && failing.delete(name)) log.info({ check: name }, 'a check of readiness is well again');
    if (finding !== null && !failing.has(name)) {
      failing.add(name);
      log.warn({ check: name, reason: finding.reason, error: finding.message }, 'a check of readiness fails');
    }
    const error = finding === null || finding.code === null ? null : { code: finding.code, message: finding.message };
    return { name, isOk: finding === null, reason: finding?.reason ?? null, error };
  };
}
