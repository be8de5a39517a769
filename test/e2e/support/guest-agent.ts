import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { tryCommand } from './run-command.ts';
import { type DomainRef, onDomain } from './virsh.ts';
import { waitUntil } from './wait-until.ts';

const execStatus = z.object({
  exited: z.boolean(),
  exitcode: z.number().optional(),
  'out-data': z.string().optional(),
  'err-data': z.string().optional(),
});

const PID = 'pidof qemu-ga';

export interface GuestCommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One QMP-like command of the guest agent (https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html). */
async function askAgent(domain: DomainRef, execute: string, args: object = {}): Promise<unknown> {
  const command = JSON.stringify({ execute, arguments: args });
  // one that is killed while it is asked would be waited for without end
  const answer = await onDomain(domain, 'qemu-agent-command', [command, '--timeout', '40']);
  return z.object({ return: z.unknown() }).parse(JSON.parse(answer)).return;
}

export async function isAgentAnswering(domain: DomainRef): Promise<boolean> {
  const ping = ['qemu-agent-command', '--timeout', '3', domain.name, '{"execute":"guest-ping"}'];
  return (await tryCommand('virsh', ['-q', '-c', domain.uri, ...ping])).exitCode === 0;
}

/** Its process is killed, and started again by the guest's init: resolves when another one answers. */
export async function restartAgent(domain: DomainRef): Promise<void> {
  const pid = await runInGuest(domain, PID);
  await runInGuest(domain, `setsid sh -c 'sleep 0.5; kill ${pid.trim()}' >/dev/null 2>&1 </dev/null &`);
  const seePid = (): Promise<string> => runInGuest(domain, PID).catch(() => pid);
  const isAnother = async (): Promise<boolean> => (await isAgentAnswering(domain)) && (await seePid()) !== pid;
  await waitUntil(`another agent of ${domain.name} answers`, isAnother, { timeoutMs: 120_000 });
}

/**
 * Stops its process for a while; it goes on by itself, since nobody could tell it to. Resolves when it does not answer.
 * By a job of its own, since the agent runs commands only while it runs.
 */
export async function hangAgent(domain: DomainRef, { seconds }: { readonly seconds: number }): Promise<void> {
  const job = `pid=$(${PID}); sleep 0.5; kill -STOP $pid; sleep ${seconds}; kill -CONT $pid`;
  await runInGuest(domain, `setsid sh -c '${job}' >/dev/null 2>&1 </dev/null &`);
  const isHung = async (): Promise<boolean> => !(await isAgentAnswering(domain));
  await waitUntil(`the agent of ${domain.name} hangs`, isHung, { timeoutMs: 20_000, intervalMs: 50 });
}

export function waitForAgent(domain: DomainRef, timeoutMs = 120_000): Promise<void> {
  return waitUntil(`agent of ${domain.name} answers`, () => isAgentAnswering(domain), { timeoutMs });
}

/** Runs a shell command line in the guest and waits for its end. */
export async function tryInGuest(domain: DomainRef, commandLine: string): Promise<GuestCommandResult> {
  const started = await askAgent(domain, 'guest-exec', {
    path: '/bin/sh',
    arg: ['-c', commandLine],
    'capture-output': true,
  });
  const { pid } = z.object({ pid: z.number() }).parse(started);
  for (;;) {
    const status = execStatus.parse(await askAgent(domain, 'guest-exec-status', { pid }));
    if (status.exited) {
      return {
        exitCode: status.exitcode ?? 128,
        stdout: decode(status['out-data']),
        stderr: decode(status['err-data']),
      };
    }
    await sleep(50);
  }
}

/** Standard output of a command line that must succeed in the guest. */
export async function runInGuest(domain: DomainRef, commandLine: string): Promise<string> {
  const result = await tryInGuest(domain, commandLine);
  if (result.exitCode === 0) return result.stdout;
  throw new Error(`${domain.name}: ${commandLine} ended with ${result.exitCode}: ${result.stderr.trim()}`);
}

/** Writes a small file in the guest and syncs it to the disk. */
export async function writeGuestFile(domain: DomainRef, path: string, content: string): Promise<void> {
  const encoded = Buffer.from(content).toString('base64');
  await runInGuest(domain, `echo '${encoded}' | base64 -d >'${path}' && sync`);
}

export function readGuestFile(domain: DomainRef, path: string): Promise<string> {
  return runInGuest(domain, `cat '${path}'`);
}

export async function isFrozen(domain: DomainRef): Promise<boolean> {
  return (await askAgent(domain, 'guest-fsfreeze-status')) === 'frozen';
}

function decode(data: string | undefined): string {
  return Buffer.from(data ?? '', 'base64').toString('utf8');
}
