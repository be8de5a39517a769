import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '../../../src/api/client.ts';
import { createSocketTransport } from '../../../src/api/socket-transport.ts';
import { type RunningCommand, startCommand } from '../../e2e/support/run-command.ts';
import { waitUntil } from '../../e2e/support/wait-until.ts';
import { type DatagramListener, listenForDatagrams } from '../../support/datagram-listener.ts';

export const ENTRY = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** A folder with a configuration file and room for an agent's state, its socket and one that stands in for systemd's. */
export interface AgentHome extends AsyncDisposable {
  readonly folder: string;
  readonly socket: string;
  /** What `darkroom` gets before the noun: nothing of this host's own. */
  readonly options: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly systemd: DatagramListener;
  readonly client: Client;
  configure(settings: Readonly<Record<string, unknown>>): Promise<void>;
  /** `agent run`, waited for until it is ready. */
  start(args?: readonly string[], environment?: Readonly<Record<string, string>>): Promise<AgentProcess>;
  /** The same without waiting. */
  launch(args?: readonly string[], environment?: Readonly<Record<string, string>>): AgentProcess;
  run(args: readonly string[]): RunningCommand['ended'];
}

export interface AgentProcess extends RunningCommand {
  readonly logLines: readonly Readonly<Record<string, unknown>>[];
}

export async function createAgentHome(settings: Readonly<Record<string, unknown>> = {}): Promise<AgentHome> {
  if (!existsSync(ENTRY)) throw new Error(`${ENTRY} does not exist: run npm run build first`);
  const folder = await mkdtemp('/var/tmp/dr-test-agent-');
  const socket = path.join(folder, 'agent.sock');
  const config = path.join(folder, 'darkroom.yaml');
  // JSON is YAML
  const configure = (wanted: typeof settings) =>
    writeFile(
      config,
      JSON.stringify({ connect: 'test:///default', image_group: 'root', socket_group: 'root', ...wanted }),
    );
  await mkdir(path.join(folder, 'transfer'));
  await configure(settings);
  const systemd = listenForDatagrams(path.join(folder, 'notify'));
  const options = ['--state-dir', path.join(folder, 'state'), '--config', config];
  const environment = { NOTIFY_SOCKET: path.join(folder, 'notify'), NO_COLOR: '1' };
  const started: AgentProcess[] = [];
  const launch: AgentHome['launch'] = (args = [], extra = {}) => {
    const all = [ENTRY, ...options, 'agent', 'run', '--socket', socket, ...args];
    const agent = withLog(startCommand(process.execPath, all, { env: { ...environment, ...extra } }));
    started.push(agent);
    return agent;
  };
  return {
    folder,
    socket,
    options,
    environment,
    systemd,
    configure,
    launch,
    client: createClient(createSocketTransport(socket)),
    start: async (args, extra) => {
      const agent = launch(args, extra);
      await waitUntilReady(agent);
      return agent;
    },
    run: (args) => startCommand(process.execPath, [ENTRY, ...args], { env: { NO_COLOR: '1' } }).ended,
    [Symbol.asyncDispose]: async () => {
      for (const agent of started) agent.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
      systemd[Symbol.dispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Fails at once when it ends instead. */
export async function waitUntilReady(agent: AgentProcess): Promise<void> {
  let end: { readonly exitCode: number } | null = null;
  void agent.ended.then((result) => {
    end = result;
  });
  const isReady = async () => agent.logLines.some(({ msg }) => msg === 'agent is ready');
  await waitUntil('the agent is ready', async () => end !== null || (await isReady()), {
    timeoutMs: 60_000,
    intervalMs: 20,
  });
  if (end !== null) throw new Error(`the agent ended: ${agent.output.stderr}`);
}

export function withLog(running: RunningCommand): AgentProcess {
  return {
    ...running,
    get logLines() {
      const lines = running.output.stderr.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
      return lines.map((line): Record<string, unknown> => JSON.parse(line));
    },
  };
}

export async function untilLogged(agent: AgentProcess, message: string, count = 1): Promise<void> {
  const isThere = async () => agent.logLines.filter(({ msg }) => msg === message).length >= count;
  await waitUntil(`the agent says: ${message}`, isThere, { timeoutMs: 30_000, intervalMs: 20 });
}
