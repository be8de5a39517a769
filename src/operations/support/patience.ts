import { DarkroomError, hasCode } from '../../model/errors.ts';
import type { Core } from './context.ts';

const LIBVIRT_PATIENCE_MS = 60_000;
const RETRY_MS = 250;

/**
 * Repeats idempotent `work` while libvirt is not reachable, because libvirtd may just be restarting; a minute at most.
 * For work that puts a guest right: it must not give up at the first refusal.
 */
export async function outlastLibvirtRestart<T>(core: Core, work: () => Promise<T>): Promise<T> {
  const deadline = core.clock.monotonicMs() + LIBVIRT_PATIENCE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'LIBVIRT_UNREACHABLE') || core.clock.monotonicMs() > deadline) throw error;
      await core.clock.sleep(RETRY_MS);
    }
  }
}

export function throwIfCancelled(signal: AbortSignal): void {
  if (signal.aborted) throw new DarkroomError('CANCELLED', 'The operation was cancelled and undone.');
}
