import { AGENT_PATH } from '../../api/agent-api.ts';
import { type AgentStatus, agentStatusSchema } from '../../api/schemas/agent.ts';
import type { ApiApp } from '../api-app.ts';

/** What concerns the daemon itself; an embedded application has no such route. */
export function addAgentRoutes(app: ApiApp, describe: () => Promise<AgentStatus>): void {
  app.get(
    AGENT_PATH,
    { schema: { response: { 200: agentStatusSchema } }, config: { summary: 'How the agent itself is' } },
    () => describe(),
  );
}
