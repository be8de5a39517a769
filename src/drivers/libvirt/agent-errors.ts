import type { AgentState } from '../../model/ports/hypervisor.ts';
import { ERROR_CODE, type LibvirtError } from './binding/libvirt-error.ts';

/** What an agent call's error says of the agent; refused: it answered, and said no. */
export type AgentTrouble = Exclude<AgentState, 'answering'> | 'refused';

/** Raised by libvirt 11.2 and later where older ones raise VIR_ERR_AGENT_UNRESPONSIVE. */
const AGENT_COMMAND_TIMEOUT = 112;

/** No channel in the XML, a driver without agents, a domain that does not run. */
const ABSENT: readonly number[] = [
  ERROR_CODE.argumentUnsupported,
  ERROR_CODE.noSupport,
  ERROR_CODE.operationUnsupported,
  ERROR_CODE.operationInvalid,
];

/** libvirt says "unresponsive" both of an agent that is not connected and of one that does not answer: the caller says which. */
export function agentTrouble(error: LibvirtError, { isConnected }: { readonly isConnected: boolean }): AgentTrouble {
  if (ABSENT.includes(error.code)) return 'absent';
  if (error.code === ERROR_CODE.agentUnresponsive) return isConnected ? 'hung' : 'absent';
  if (error.code === ERROR_CODE.operationTimeout || error.code === AGENT_COMMAND_TIMEOUT) return 'hung';
  return saysFrozen(error.message) ? 'frozen' : 'refused';
}

/**
 * While frozen, the agent disables all but a few commands. It says why since the QEMU 7 series at the latest ("Command … has
 * been disabled: the agent is in frozen state"); older ones only "The command … has been disabled for this instance".
 * https://www.qemu.org/docs/master/interop/qemu-ga-ref.html
 */
function saysFrozen(message: string): boolean {
  return /frozen/i.test(message) || /has been disabled( for this instance)?\W*$/i.test(message);
}
