import { DarkroomError } from '../model/errors.ts';
import { createSocketTransport } from './socket-transport.ts';
import type { Transport } from './transport.ts';

/** An agent that its socket starts needs a moment. */
const PROBE_TIMEOUT_MS = 3000;
/** Of answers that only read. */
const ANSWER_TIMEOUT_MS = 60_000;

/** A transport to the agent that answers at a socket; AGENT_UNREACHABLE when none does. */
export async function probeAgent(socket: string, signal?: AbortSignal): Promise<Transport> {
  const probe = createSocketTransport(socket, { answerTimeoutMs: PROBE_TIMEOUT_MS });
  const response = await probe.send({ method: 'GET', path: '/healthz' });
  for await (const _chunk of response.body);
  if (response.status !== 200) throw unwell(socket, response.status);
  return createSocketTransport(socket, {
    answerTimeoutMs: ANSWER_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  });
}

function unwell(socket: string, status: number): DarkroomError {
  const message = `What answers at ${socket} is no agent that is well: /healthz says ${status}.`;
  return new DarkroomError('AGENT_UNREACHABLE', message, { fields: { socket, seen: String(status) } });
}
