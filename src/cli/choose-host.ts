import { DarkroomError } from '../model/errors.ts';
import type { GlobalOptions } from './global-options.ts';

/** Variables that say which application of this host is meant. */
const LOCAL_VARIABLES = ['DARKROOM_CONNECT', 'DARKROOM_STATE_DIR', 'DARKROOM_STORE', 'DARKROOM_SOCKET'];

/**
 * The host of the inventory that a command is for; null: this one. An option wins over variables, and variables that
 * contradict each other are INVALID_REQUEST: work on the wrong host is worse than none.
 */
export function chooseHost(options: GlobalOptions, environment: NodeJS.ProcessEnv): string | null {
  if (options.host !== undefined) return options.host;
  const { connect, stateDir, store, socket } = options;
  if ([connect, stateDir, store, socket].some((value) => value !== undefined)) return null;
  const host = environment['DARKROOM_HOST'] || null;
  const other = LOCAL_VARIABLES.find((name) => Boolean(environment[name]));
  if (host === null || other === undefined) return host;
  const message = `DARKROOM_HOST and ${other} are both set, and contradict each other. Unset one, or say --host.`;
  throw new DarkroomError('INVALID_REQUEST', message, { fields: { host, variable: other } });
}
