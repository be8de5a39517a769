import type { AgentStatus } from '../../api/schemas/agent.ts';
import type { Settings } from '../../config/settings.ts';
import type { Clock } from '../../model/ports/host.ts';
import type { Application } from '../../operations/application.ts';
import type { LibvirtCheck } from './libvirt-check.ts';
import type { WorkGate } from './work-gate.ts';

export interface AgentFacts {
  readonly version: string;
  readonly settings: Pick<Settings, 'hostName'>;
  readonly application: Pick<Application, 'runningIds'>;
  readonly libvirt: LibvirtCheck;
  readonly gate: WorkGate;
  readonly clock: Clock;
  /** Filled in once it listens. */
  readonly places: Pick<AgentStatus, 'socket' | 'listen'>;
}

/** Whoever asks how the agent is does not wait for a libvirt that hangs. */
const LIBVIRT_LIMIT_MS = 2_000;

/** A function that tells how the agent is whenever it is asked; the time runs from now. */
export function createDescription(facts: AgentFacts): () => Promise<AgentStatus> {
  const startedAt = facts.clock.now().toISOString();
  const startedMs = facts.clock.monotonicMs();
  return async () => {
    const { kind, error } = await facts.libvirt.ask(LIBVIRT_LIMIT_MS);
    return {
      version: facts.version,
      pid: process.pid,
      startedAt,
      uptimeSeconds: Math.floor((facts.clock.monotonicMs() - startedMs) / 1000),
      host: facts.settings.hostName,
      ...facts.places,
      libvirt: { isReachable: kind === 'answers', error },
      runningOperations: facts.application.runningIds.length,
      isStopping: facts.gate.isClosed,
    };
  };
}
