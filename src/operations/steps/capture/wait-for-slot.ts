import type { OperationContext } from '../../support/context.ts';

const POLL_MS = 500;

/** One of the places for copies at once on this host, shared by all processes. Waits until one is free. */
export async function waitForSlot(context: OperationContext, signal: AbortSignal): Promise<AsyncDisposable> {
  const claimId = `${context.operation.id}/slot`;
  const claim = { operationId: claimId, kind: 'copy', owner: context.processes.self };
  for (let round = 0; ; round++) {
    for (let slot = 0; slot < context.settings.maxConcurrentCopies; slot++) {
      if ((await context.locks.tryAcquire([`copy-slot:${slot}`], claim)) === null) {
        return { [Symbol.asyncDispose]: () => context.locks.release(claimId) };
      }
    }
    if (round === 0) await context.operation.announce('waiting for other copies');
    await context.clock.sleep(POLL_MS, signal);
  }
}
