import { hasCode } from '../model/errors.ts';
import { createSocketTransport } from './socket-transport.ts';
import type { Transport } from './transport.ts';

const PROBE_TIMEOUT_MS = 1000;

/** A transport to the agent that answers at a socket; null when none does, unless one must: then AGENT_UNREACHABLE. */
export async function probeAgent(socket: string, options: { readonly isRequired: boolean }): Promise<Transport | null> {
  try {
    const probe = createSocketTransport(socket, { answerTimeoutMs: PROBE_TIMEOUT_MS });
    const response = await probe.send({ method: 'GET', path: '/healthz' });
    for await (const _chunk of response.body);
    return response.status === 200 ? createSocketTransport(socket) : null;
  } catch (error) {
    if (options.isRequired || !hasCode(error, 'AGENT_UNREACHABLE')) throw error;
    return null;
  }
}
