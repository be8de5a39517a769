import { API_ROOT } from '../../api/paths.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';

/** Whether new work is taken on. */
export class WorkGate {
  #isClosed = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  close(): void {
    this.#isClosed = true;
  }
}

/** Once the gate is closed everything that changes something is AGENT_STOPPING; reading, watching and cancelling go on. */
export function refuseWork(app: ApiApp, gate: WorkGate): void {
  app.addHook('onRequest', async ({ method, routeOptions }) => {
    if (!gate.isClosed || isHarmless(method, routeOptions.url)) return;
    throw new DarkroomError(
      'AGENT_STOPPING',
      'The agent is stopping and takes on no new work. Ask again when it is back, or see: darkroom agent status.',
    );
  });
}

const CANCEL = `${API_ROOT}/operations/:operation/cancel`;

function isHarmless(method: string, route: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD' || route === CANCEL;
}
