import { AGENT_PATH } from '../../api/agent-api.ts';
import type { AgentStatus } from '../../api/schemas/agent.ts';
import type { ApiApp } from '../api-app.ts';

/** What concerns the daemon itself; an embedded application has no such route. */
export function addAgentRoutes(app: ApiApp, describe: () => Promise<AgentStatus>): void {
  app.get(AGENT_PATH, () => describe());
}
