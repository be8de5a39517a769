import { hasCode } from '../../../model/errors.ts';
import type { Core } from '../../support/context.ts';

const THAW_TIMEOUT_MS = 2_000;
const RETRY_MS = 200;

export interface ThawOptions {
  readonly patienceMs: number;
}

/**
 * Thaws until the agent says that it did; returns how many file systems, or null when it never said so. A freeze that
 * timed out may still happen later, so one refusal proves nothing. A guest that is off has nothing to thaw.
 */
export async function thawUntilConfirmed(core: Core, uuid: string, options: ThawOptions): Promise<number | null> {
  const deadline = core.clock.monotonicMs() + options.patienceMs;
  for (;;) {
    try {
      return await core.hypervisor.thawFileSystems(uuid, { timeoutMs: THAW_TIMEOUT_MS });
    } catch (error) {
      core.log.warn({ instanceId: uuid, error: String(error) }, 'the guest has not confirmed its thaw');
      if (await isOff(core, uuid)) return 0;
    }
    if (core.clock.monotonicMs() > deadline) return null;
    await core.clock.sleep(RETRY_MS);
  }
}

async function isOff(core: Core, uuid: string): Promise<boolean> {
  try {
    const { powerState } = await core.hypervisor.getDomain(uuid);
    return powerState !== 'running' && powerState !== 'paused';
  } catch (error) {
    return hasCode(error, 'INSTANCE_NOT_FOUND');
  }
}
