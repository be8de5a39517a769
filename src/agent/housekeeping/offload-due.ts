import type { Logger } from '../../lib/logger.ts';
import { hasCode } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import type { Task } from '../background/guard-task.ts';

/** Of ours at once: the host has other things to do. */
const MAX_RUNNING = 2;
const FIRST_RETRY_MS = 60_000;
const LAST_RETRY_MS = 3_600_000;

export interface OffloadParts {
  readonly dueOffloads: Application['dueOffloads'];
  readonly keeper: Pick<CallerApplication, 'operations'>;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

interface Attempt {
  /** null: it failed. */
  readonly operationId: string | null;
  readonly failures: number;
  readonly retryAtMs: number;
}

/**
 * Row 39: what is shelved leaves its host when its time there is over and nobody works on it. One that is busy is looked at
 * again next time; one that fails is tried ever more rarely, since each try is an operation that people see.
 */
export function createOffloadTask({ dueOffloads, keeper, log, clock }: OffloadParts): Task {
  const attempts = new Map<string, Attempt>();

  const settle = async (id: string, attempt: Attempt): Promise<void> => {
    const outcome = attempt.operationId === null ? null : await readOutcome(keeper, attempt.operationId);
    if (outcome === null) return;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** attempt.failures, LAST_RETRY_MS);
    log.warn({ instanceId: id, ...outcome, waitMs }, 'a shelved instance could not be offloaded');
    attempts.set(id, { operationId: null, failures: attempt.failures + 1, retryAtMs: clock.monotonicMs() + waitMs });
  };
  const offload = async (id: string): Promise<void> => {
    try {
      const operation = await keeper.operations.submit({ kind: 'instance.offload', instance: id });
      log.info({ instanceId: id, operationId: operation.id }, 'the time of a shelved instance on this host is over');
      const failures = attempts.get(id)?.failures ?? 0;
      attempts.set(id, { operationId: operation.id, failures, retryAtMs: 0 });
    } catch (error) {
      // somebody works on it, or just did
      if (!hasCode(error, 'INSTANCE_BUSY', 'IMAGE_BUSY', 'INSTANCE_STATE', 'INSTANCE_NOT_FOUND')) throw error;
    }
  };
  const countRunning = (): number => [...attempts.values()].filter(({ operationId }) => operationId !== null).length;
  const isReady = (id: string): boolean => {
    const attempt = attempts.get(id);
    return attempt === undefined || (attempt.operationId === null && attempt.retryAtMs <= clock.monotonicMs());
  };
  const offloadAll = async (ids: readonly string[], signal: AbortSignal): Promise<void> => {
    const failures: unknown[] = [];
    for (const id of ids) {
      if (signal.aborted || countRunning() >= MAX_RUNNING) break;
      await offload(id).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
  };
  return async (signal) => {
    const due = (await dueOffloads()).map(({ id }) => id);
    for (const id of attempts.keys()) if (!due.includes(id)) attempts.delete(id);
    for (const [id, attempt] of attempts) await settle(id, attempt);
    await offloadAll(due.filter(isReady), signal);
  };
}

/** What became of an offload that left its instance where it was; null while it goes on, and when it did not fail. */
async function readOutcome(keeper: OffloadParts['keeper'], operationId: string) {
  const { status, error } = await keeper.operations.show(operationId);
  return status === 'running' || status === 'succeeded' ? null : { operationId, status, code: error?.code ?? null };
}
