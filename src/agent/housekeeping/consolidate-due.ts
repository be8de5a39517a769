import type { Logger } from '../../lib/logger.ts';
import { hasCode } from '../../model/errors.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application, CallerApplication } from '../../operations/application.ts';
import type { Task } from '../background/guard-task.ts';

const FIRST_RETRY_MS = 600_000;
const LAST_RETRY_MS = 24 * 3_600_000;

export interface ConsolidateParts {
  readonly dueConsolidations: Application['dueConsolidations'];
  readonly keeper: Pick<CallerApplication, 'operations'>;
  readonly log: Pick<Logger, 'info'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/**
 * Chains of snapshots stay short, and what nobody needs any more goes: one volume at a time, as long as nothing else runs here. One that
 * is due again at once is tried ever more rarely, since each try is an operation that people see.
 */
export function createConsolidateTask({ dueConsolidations, keeper, log, clock }: ConsolidateParts): Task {
  const tried = new Map<string, { readonly times: number; readonly retryAtMs: number }>();

  const note = (volume: string): void => {
    const times = tried.get(volume)?.times ?? 0;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** times, LAST_RETRY_MS);
    tried.set(volume, { times: times + 1, retryAtMs: clock.monotonicMs() + waitMs });
  };
  return async () => {
    if ((await keeper.operations.list({ status: 'running', limit: 1 })).length > 0) return;
    const due = await dueConsolidations();
    for (const volume of tried.keys()) if (!due.includes(volume)) tried.delete(volume);
    const volume = due.find((each) => (tried.get(each)?.retryAtMs ?? 0) <= clock.monotonicMs());
    if (volume === undefined) return;
    try {
      const operation = await keeper.operations.submit({ kind: 'snapshot.consolidate', volume });
      log.info({ volume, operationId: operation.id }, 'the snapshots of a volume are consolidated');
    } catch (error) {
      if (hasCode(error, 'VOLUME_BUSY', 'VOLUME_NOT_FOUND')) return;
      note(volume);
      throw error;
    }
    note(volume);
  };
}
