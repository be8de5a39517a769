import { withDeadline } from '../../lib/async.ts';
import type { DarkroomError } from '../../model/errors.ts';
import type { AgentState, Hypervisor } from '../../model/ports/hypervisor.ts';
import { type AgentTrouble, agentTrouble } from './agent-errors.ts';
import { ERROR_CODE, LibvirtError } from './binding/libvirt-error.ts';
import type { Caller } from './caller.ts';
import { type Attempt, failure, translateError } from './translate-error.ts';

type AgentPart = Pick<Hypervisor, 'probeAgent' | 'freezeFileSystems' | 'thawFileSystems'>;

/** libvirt's own verdict comes at the time limit; only where it does not, ours does. */
const GRACE_MS = 500;

interface AgentRequest {
  readonly uuid: string;
  readonly timeoutMs: number;
}

export function createAgentPart(caller: Caller): AgentPart {
  return {
    probeAgent: (uuid, { timeoutMs }) => probeAgent(caller, { uuid, timeoutMs }),
    freezeFileSystems: (uuid, { timeoutMs }) => callAgent(caller, 'freeze', { uuid, timeoutMs }),
    thawFileSystems: (uuid, { timeoutMs }) => callAgent(caller, 'thaw', { uuid, timeoutMs }),
  };
}

async function probeAgent(caller: Caller, request: AgentRequest): Promise<AgentState> {
  try {
    await runLimited(caller, 'agentTime', request);
    return 'answering';
  } catch (error) {
    const trouble = await troubleOf(caller, error, request.uuid);
    if (trouble === null) throw translateError(error, attemptOf(caller, request.uuid, 'ask the guest agent'));
    return trouble === 'refused' ? 'answering' : trouble;
  }
}

async function callAgent(caller: Caller, name: 'freeze' | 'thaw', request: AgentRequest): Promise<number> {
  try {
    return await runLimited(caller, name, request);
  } catch (error) {
    const attempt = attemptOf(caller, request.uuid, `${name} the file systems`);
    const trouble = await troubleOf(caller, error, request.uuid);
    if (!(error instanceof LibvirtError) || trouble === null) throw translateError(error, attempt);
    throw agentFailure(trouble, error, attempt);
  }
}

/** An answer that comes after the limit is lost; the thread is free again when it comes. */
function runLimited(
  caller: Caller,
  name: 'agentTime' | 'freeze' | 'thaw',
  { uuid, timeoutMs }: AgentRequest,
): Promise<number> {
  const args = { uuid, timeoutSeconds: Math.max(1, Math.ceil(timeoutMs / 1000)) };
  const call = caller.callRaw(name, args, name === 'thaw' ? { urgency: 'urgent' } : {});
  return withDeadline(call, args.timeoutSeconds * 1000 + GRACE_MS, () => {
    const message = `no answer within ${args.timeoutSeconds} s`;
    return new LibvirtError({ call: name, code: ERROR_CODE.operationTimeout, domain: 0, level: 2, message });
  });
}

/** null: not the agent's fault, but that of the connection or a domain that is gone. */
async function troubleOf(caller: Caller, error: unknown, uuid: string): Promise<AgentTrouble | null> {
  if (!(error instanceof LibvirtError) || error.isConnectionLost || error.code === ERROR_CODE.noDomain) return null;
  const isConnected = error.code === ERROR_CODE.agentUnresponsive && (await isConnectedNow(caller, uuid));
  return agentTrouble(error, { isConnected });
}

async function isConnectedNow(caller: Caller, uuid: string): Promise<boolean> {
  const args = { uuid, isInactive: false, isSecure: false };
  const { isAgentConnected } = await import('./read-xml.ts');
  return isAgentConnected(await caller.call('getDomainXml', args, { uuid, task: 'read the XML of the domain' }));
}

function agentFailure(trouble: AgentTrouble, error: LibvirtError, attempt: Attempt): DarkroomError {
  const what = `could not ${attempt.task} of instance ${attempt.uuid ?? '?'}`;
  const seen = { error, attempt };
  switch (trouble) {
    case 'absent':
      return failure('QUIESCE_UNAVAILABLE', `No guest agent: ${what}: ${error.message}`, seen);
    case 'hung':
      return failure('AGENT_UNRESPONSIVE', `The guest agent does not answer: ${what}: ${error.message}`, seen);
    case 'frozen':
      return failure('INSTANCE_FROZEN', `The guest is frozen already: ${what}: ${error.message}`, seen);
    case 'refused':
      return failure('FREEZE_FAILED', `The guest agent refused: ${what}: ${error.message}`, seen);
    default:
      return trouble satisfies never;
  }
}

function attemptOf(caller: Caller, uuid: string, task: string): Attempt {
  return { uri: caller.uri, uuid, task };
}
