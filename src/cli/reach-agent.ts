import { lstatSync } from 'node:fs';
import { codeOf } from '../api/connection-failure.ts';
import { probeAgent } from '../api/probe-agent.ts';
import type { Transport } from '../api/transport.ts';
import type { Settings } from '../config/settings.ts';
import { DarkroomError, hasCode } from '../model/errors.ts';
import { type Output, printWarning } from './output.ts';

export interface ReachOptions {
  /** Somebody named the socket: then an agent must answer at it. */
  readonly isRequired: boolean;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** What a socket without an agent looks like: no reason to tell of anything. */
const NOBODY: readonly unknown[] = ['ENOENT', 'ECONNREFUSED'];

/** The agent of this host; null when the work is better done in this process. FORBIDDEN for who may not use its socket. */
export async function reachAgent(settings: Settings, options: ReachOptions): Promise<Transport | null> {
  const { socket } = settings;
  if (!options.isRequired && !mayExist(socket, settings)) return null;
  try {
    return await probeAgent(socket, options.signal);
  } catch (error) {
    if (!hasCode(error, 'AGENT_UNREACHABLE')) throw error;
    if (error.fields['seen'] === 'EACCES') throw notAllowed(settings, error);
    if (options.isRequired) throw error;
    // Locks and the journal are shared, so two may work side by side.
    if (!NOBODY.includes(error.fields['seen']))
      printWarning(options.output, `${error.message} This command does its work itself.`);
    return null;
  }
}

function mayExist(socket: string, settings: Settings): boolean {
  try {
    lstatSync(socket);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EACCES') throw notAllowed(settings, error);
    return false;
  }
}

function notAllowed({ socket, socketGroup }: Settings, cause: unknown): DarkroomError {
  const message = `You may not use the agent's socket ${socket}: you are not in the group ${socketGroup}. Have yourself added to it (usermod -aG ${socketGroup} …) and log in anew, or become root.`;
  return new DarkroomError('FORBIDDEN', message, { fields: { socket, group: socketGroup }, cause });
}
