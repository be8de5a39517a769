import type { Hypervisor } from '../../model/ports/hypervisor.ts';
import { createAgentPart } from './agent.ts';
import { createBackupsPart } from './backups.ts';
import { createBlockJobsPart } from './block-jobs.ts';
import { Caller } from './caller.ts';
import { createCheckpointsPart } from './checkpoints.ts';
import { createDomainsPart } from './domains.ts';
import { EventSource } from './events.ts';
import { createHostPart } from './host.ts';
import { createNetworksPart } from './networks.ts';
import { createPowerPart } from './power.ts';
import { CallPool } from './threads/call-pool.ts';

export interface HypervisorOptions {
  /** libvirt connection URI: qemu:///system, test:///default. */
  readonly uri: string;
  readonly log?: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

/** libvirtd serves 20 clients at a time (max_workers): freezes that block 16 of them still let lists and a thaw through. */
const CALL_THREADS = { maxThreads: 16, readThreads: 2, idleThreads: 2 };

/**
 * The Hypervisor port over libvirt. Nothing is loaded, started or connected before the first call, so this never fails;
 * a lost connection is opened again at the next call. Threads that are idle do not keep the process alive.
 */
export function createHypervisor({ uri, log = () => {} }: HypervisorOptions): Hypervisor {
  const pool = new CallPool({ uri, ...CALL_THREADS });
  const ownerPool = new CallPool({ uri, maxThreads: 1, idleThreads: 1 });
  const events = new EventSource(uri, log);
  const caller = new Caller(uri, pool);
  return {
    uri,
    ...createHostPart(caller),
    ...createDomainsPart(caller),
    ...createPowerPart(caller, new Caller(uri, ownerPool)),
    ...createAgentPart(caller),
    ...createBlockJobsPart(caller),
    ...createCheckpointsPart(caller),
    ...createBackupsPart(caller),
    ...createNetworksPart(caller),
    subscribe: (listener) => events.subscribe(listener),
    async [Symbol.asyncDispose]() {
      events.close();
      await Promise.all([pool.close(), ownerPool.close()]);
    },
  };
}
