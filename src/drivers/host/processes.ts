import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../model/errors.ts';
import type { ProcessIdentity } from '../../model/operation.ts';
import type { Processes } from '../../model/ports/host.ts';
import { errnoOf } from './translate-error.ts';

const POLL_MS = 10;
const KILL_DEADLINE_MS = 30_000;

/** The processes of this host, from /proc (proc(5)). One that has ended but was not reaped by its parent is gone. */
export function createProcesses(): Processes {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const identify = (pid: number): ProcessIdentity | null => {
    const found = readProcess(pid);
    return found === null ? null : { pid, startTicks: found.startTicks, bootId };
  };
  const self = identify(process.pid);
  if (self === null) throw new DarkroomError('INTERNAL', 'cannot read /proc/self/stat: is /proc mounted?');
  const isAlive = (identity: ProcessIdentity): boolean => {
    if (identity.bootId !== bootId) return false;
    // who asks is alive: an agent that works on much asks thousands of times a minute, mostly about itself
    if (identity.pid === self.pid) return identity.startTicks === self.startTicks;
    return identify(identity.pid)?.startTicks === identity.startTicks;
  };
  return { self, isAlive, identify, kill: (identity) => killProcess(identity, isAlive) };
}

/** Start time of a process that has not ended, in clock ticks since boot; null for any other pid. */
function readProcess(pid: number): { readonly startTicks: number } | null {
  const text = readProcFile(pid);
  if (text === null) return null;
  // The name in the second field may hold spaces and brackets: count from its last closing bracket.
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  if ((state === 'Z' || state === 'X') && countThreads(pid) <= 1) return null;
  return { startTicks: Number(fields[18]) };
}

function readProcFile(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
}

/** The main thread can be dead before the others, which still hold files and locks. */
function countThreads(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

async function killProcess(identity: ProcessIdentity, isAlive: (identity: ProcessIdentity) => boolean): Promise<void> {
  if (!isAlive(identity)) return;
  sendKill(identity.pid);
  const deadline = performance.now() + KILL_DEADLINE_MS;
  while (isAlive(identity)) {
    if (performance.now() > deadline) throw stuck(identity.pid);
    await sleep(POLL_MS);
  }
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function stuck(pid: number): DarkroomError {
  const seconds = KILL_DEADLINE_MS / 1000;
  const message = `process ${pid} was killed but is still there after ${seconds} s: it waits for storage that does not answer`;
  return new DarkroomError('COMMAND_FAILED', message, { fields: { pid } });
}
