/** What systemd tells a service in its environment. */
export interface ServiceEnvironment {
  /** Where to tell how we are; null: to nobody. */
  readonly notifySocket: string | null;
  readonly watchdogMs: number | null;
  /** Names of the sockets that were passed to us, in the order of their descriptors. */
  readonly socketNames: readonly string[];
}

type Environment = Record<string, string | undefined>;

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PID'];

/**
 * Reads what is meant for this process and removes all of it, so that no child takes it for its own. Values that are
 * broken, or meant for another process, count as absent.
 * sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3): https://www.freedesktop.org/software/systemd/man/
 */
export function takeServiceEnvironment(environment: Environment, pid: number): ServiceEnvironment {
  const taken = {
    notifySocket: environment['NOTIFY_SOCKET'] || null,
    watchdogMs: readWatchdog(environment, pid),
    socketNames: readSocketNames(environment, pid),
  };
  for (const name of VARIABLES) delete environment[name];
  return taken;
}

/** WATCHDOG_PID may be absent: then whoever has the variable is meant. */
function readWatchdog(environment: Environment, pid: number): number | null {
  const microseconds = readNumber(environment['WATCHDOG_USEC']);
  const isForUs = [undefined, '', String(pid)].includes(environment['WATCHDOG_PID']);
  return microseconds > 0 && isForUs ? microseconds / 1000 : null;
}

/** LISTEN_PID must be there. */
function readSocketNames(environment: Environment, pid: number): readonly string[] {
  if (environment['LISTEN_PID'] !== String(pid)) return [];
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':');
  return Array.from({ length: readNumber(environment['LISTEN_FDS']) }, (_, index) => names[index] || 'unknown');
}

/** 0 for what is no number. */
function readNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
