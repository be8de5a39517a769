import { call } from './call.ts';
import { API_ROOT } from './paths.ts';
import { type AgentStatus, agentStatusSchema } from './schemas/agent.ts';
import type { Transport } from './transport.ts';

export const AGENT_PATH = `${API_ROOT}/agent`;

/** What there is to ask of an agent itself. */
export interface AgentApi {
  status(): Promise<AgentStatus>;
}

export function createAgentApi(transport: Transport): AgentApi {
  return { status: () => call(transport, { method: 'GET', path: AGENT_PATH }, agentStatusSchema) };
}
