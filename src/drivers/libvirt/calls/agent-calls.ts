import * as agent from '../binding/domain-agent.ts';
import type { Pointer } from '../binding/library.ts';
import { ERROR_CODE, LibvirtError } from '../binding/libvirt-error.ts';
import { type DomainArgs, withDomain } from './with-domain.ts';

interface AgentArgs extends DomainArgs {
  readonly timeoutSeconds: number;
}

export const agentCalls = {
  agentTime(connection: Pointer, { uuid, timeoutSeconds }: AgentArgs): number {
    return withDomain(connection, uuid, (object) => {
      setTimeoutIfSupported(object, timeoutSeconds);
      return restoringTimeout(object, () => agent.getTime(object));
    });
  },

  /** Leaves the time limit set: a thaw follows, and nothing may stand in its way. */
  freeze(connection: Pointer, { uuid, timeoutSeconds }: AgentArgs): number {
    return withDomain(connection, uuid, (object) => {
      setTimeoutIfSupported(object, timeoutSeconds);
      return agent.fsFreeze(object);
    });
  },

  thaw(connection: Pointer, { uuid, timeoutSeconds }: AgentArgs): number {
    return withDomain(connection, uuid, (object) => {
      setTimeoutIfSupported(object, timeoutSeconds);
      return restoringTimeout(object, () => agent.fsThaw(object));
    });
  },
};

/** The limit holds for every client of libvirtd, so it goes back to libvirt's own (none) afterwards. */
function restoringTimeout<T>(object: Pointer, call: () => T): T {
  try {
    return call();
  } finally {
    restoreTimeout(object);
  }
}

function restoreTimeout(object: Pointer): void {
  try {
    agent.agentSetResponseTimeout(object, agent.RESPONSE_TIMEOUT.block);
  } catch {
    // the domain may have stopped meanwhile, and its limit with it
  }
}

function setTimeoutIfSupported(object: Pointer, seconds: number): void {
  try {
    agent.agentSetResponseTimeout(object, seconds);
  } catch (error) {
    if (!(error instanceof LibvirtError && error.code === ERROR_CODE.noSupport)) throw error;
  }
}
