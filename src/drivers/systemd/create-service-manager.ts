import type { ServiceManager } from '../../model/ports/service-manager.ts';
import { sendDatagram } from './datagram.ts';
import { describeInheritedSockets } from './inherited-sockets.ts';
import { takeServiceEnvironment } from './take-environment.ts';

/**
 * The service manager port over systemd's notification protocol (sd_notify(3), which describes it and says that it is
 * stable: newline-separated assignments in one datagram). Takes what systemd left in `environment`: call it before
 * anything else is started. libsystemd's own sd_notify would read the variable again from the environment of the
 * process, which by then must not hold it, and putting it back for a moment races with libvirt's threads.
 */
export function createServiceManager(environment: Record<string, string | undefined>): ServiceManager {
  const { notifySocket, watchdogMs, socketNames } = takeServiceEnvironment(environment, process.pid);
  const notify = (assignments: Readonly<Record<string, string>>): void => {
    if (notifySocket !== null) sendDatagram(notifySocket, encodeNotification(assignments));
  };
  return {
    sockets: describeInheritedSockets(socketNames),
    watchdogMs: notifySocket === null ? null : watchdogMs,
    ready: (status) => notify({ READY: '1', STATUS: status }),
    reloading: () => notify({ RELOADING: '1', MONOTONIC_USEC: monotonicMicroseconds() }),
    stopping: (status) => notify({ STOPPING: '1', STATUS: status }),
    status: (text) => notify({ STATUS: text }),
    alive: () => notify({ WATCHDOG: '1' }),
    extendTimeout: (ms) => notify({ EXTEND_TIMEOUT_USEC: String(Math.ceil(ms * 1000)) }),
  };
}

function encodeNotification(assignments: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(assignments).map(([name, value]) => `${name}=${value.replaceAll('\n', ' ')}`);
  return Buffer.from(lines.join('\n'));
}

/** CLOCK_MONOTONIC, which is what Node's own high-resolution time is on Linux. */
function monotonicMicroseconds(): string {
  return String(process.hrtime.bigint() / 1000n);
}
