import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '../../src/api/client.ts';
import { createSocketTransport } from '../../src/api/socket-transport.ts';
import { waitUntil } from '../e2e/support/wait-until.ts';

const ENTRY = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Recovery may have to wait for a libvirt that is away, and for jobs of its. */
const READY_LIMIT_MS = 120_000;
const POLL_MS = 10;
const ANSWER_LIMIT_MS = 60_000;

export interface AgentOptions {
  /** Before its command. */
  readonly enter: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `darkroom agent run`, started again whenever it was killed, as a service manager does. */
export interface AgentProcess extends AsyncDisposable {
  readonly client: Client;
  readonly logFile: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** Milliseconds from each start to the first answer. */
  readonly startsMs: readonly number[];
  /** Ends of its own accord, which there must be none of. */
  readonly ownEnds: readonly string[];
  /** SIGKILL; resolves when the next one answers. */
  die(): Promise<void>;
  /** SIGTERM, which waits for what runs; resolves when the next one answers. Its exit code. */
  restart(): Promise<number | null>;
}

export async function startAgent({ enter, folder, env }: AgentOptions): Promise<AgentProcess> {
  const socket = path.join(folder, 'agent.sock');
  const logFile = path.join(folder, 'agent.log');
  const client = createClient(createSocketTransport(socket, { answerTimeoutMs: ANSWER_LIMIT_MS }));
  const startsMs: number[] = [];
  const ownEnds: string[] = [];
  let child: ChildProcess;
  let isMeantToEnd = false;

  const start = async (): Promise<void> => {
    const started = performance.now();
    child = await spawnAgent({ enter, logFile, env: { ...env, DARKROOM_SOCKET: socket } });
    isMeantToEnd = false;
    child.once('exit', (code, signal) => {
      if (!isMeantToEnd) ownEnds.push(`the agent ended by itself: ${code ?? signal}`);
    });
    await untilItAnswers(client, child);
    startsMs.push(performance.now() - started);
  };
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    isMeantToEnd = true;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    return child.exitCode;
  };
  await start();
  return {
    client,
    logFile,
    startsMs,
    ownEnds,
    get pid() {
      return child.pid ?? 0;
    },
    die: async () => {
      await end('SIGKILL');
      await start();
    },
    restart: async () => {
      const code = await end('SIGTERM');
      await start();
      return code;
    },
    [Symbol.asyncDispose]: async () => {
      await end('SIGTERM');
    },
  };
}

interface AgentCommand extends Pick<AgentOptions, 'enter' | 'env'> {
  readonly logFile: string;
}

/** With its parent-death signal: a test run that is killed leaves no agent. */
async function spawnAgent({ enter, logFile, env }: AgentCommand): Promise<ChildProcess> {
  await using log = await open(logFile, 'a');
  const [command = '', ...args] = [...enter, 'setpriv', '--pdeathsig', 'KILL', process.execPath, ENTRY, 'agent', 'run'];
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', log.fd, log.fd] });
}

async function untilItAnswers(client: Client, child: ChildProcess): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`the agent ended at its start: ${child.exitCode}`);
    return (await client.agent.status()).pid === child.pid;
  };
  await waitUntil('the agent answers', isThere, { timeoutMs: READY_LIMIT_MS, intervalMs: POLL_MS });
}
