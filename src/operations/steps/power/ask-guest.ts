import { DarkroomError } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';

const POLL_MS = 250;
/** A guest that is still booting does not hear the first call. */
const ASK_AGAIN_MS = 10_000;

export interface GuestRequest {
  /** What the guest is asked for, such as `shut down`. */
  readonly what: string;
  readonly instanceName: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Asks; may take long, because libvirt asks a guest agent first and that may hang. */
  ask(): Promise<void>;
  isDone(): Promise<boolean>;
}

/** Asks the guest again and again until it has done it. SHUTDOWN_TIMEOUT and CANCELLED leave it as it is. */
export async function askGuest(core: Core, request: GuestRequest): Promise<void> {
  const started = core.clock.monotonicMs();
  let asking = beginAsking(request);
  let askedAt = started;
  for (;;) {
    if (await request.isDone()) return;
    if (asking.failure !== null) throw asking.failure;
    const now = core.clock.monotonicMs();
    if (now - started >= request.timeoutMs) throw timedOut(request);
    if (asking.isAnswered && now - askedAt >= ASK_AGAIN_MS) {
      asking = beginAsking(request);
      askedAt = now;
    }
    await core.clock.sleep(POLL_MS, request.signal);
  }
}

interface Asking {
  isAnswered: boolean;
  failure: unknown;
}

function beginAsking(request: GuestRequest): Asking {
  const asking: Asking = { isAnswered: false, failure: null };
  request.ask().then(
    () => {
      asking.isAnswered = true;
    },
    (error: unknown) => {
      asking.failure = error;
    },
  );
  return asking;
}

function timedOut({ what, instanceName, timeoutMs }: GuestRequest): DarkroomError {
  return new DarkroomError(
    'SHUTDOWN_TIMEOUT',
    `The instance ${instanceName} did not ${what} within ${timeoutMs / 1000} s; it still runs. ` +
      'Wait longer (--timeout), look at its console, or use --force, which pulls the plug.',
    { fields: { instance: instanceName, timeoutMs } },
  );
}
