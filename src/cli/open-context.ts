import { existsSync } from 'node:fs';
import type { RecoveryPolicy } from '../agent/embed.ts';
import { createClient } from '../api/client.ts';
import { createInjectTransport } from '../api/inject-transport.ts';
import type { Transport } from '../api/transport.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { Settings } from '../config/settings.ts';
import { DarkroomError } from '../model/errors.ts';
import type { CommandContext } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interrupts } from './interrupts.ts';
import { type Output, printWarning } from './output.ts';

export interface OpenOptions {
  readonly options: GlobalOptions;
  readonly recovery: RecoveryPolicy;
  /** Only an agent will do. */
  readonly needsAgent: boolean;
  readonly output: Output;
  readonly interrupts: Interrupts;
  readonly environment: NodeJS.ProcessEnv;
}

export type OpenContext = (options: OpenOptions) => Promise<CommandContext & AsyncDisposable>;

/** The agent where one answers and nothing says otherwise; else the same application in this process. */
export const openContext: OpenContext = async (request) => {
  const settings = loadSettings({
    file: request.options.config,
    env: request.environment,
    flags: { ...request.options, logLevel: chooseLogLevel(request) },
  });
  const agent = await findAgent(settings, request);
  return agent === null ? await openEmbedded(settings, request) : openAgent(agent, request);
};

/** A terminal is for results; the level in the configuration file is the agent's. */
function chooseLogLevel({ options, environment }: OpenOptions): string {
  return options.logLevel ?? (environment['DARKROOM_LOG_LEVEL'] || 'warn');
}

function isEmbeddedExplicitly({ options, environment }: OpenOptions): boolean {
  const { connect, stateDir, store } = options;
  if (connect !== undefined || stateDir !== undefined || store !== undefined) return true;
  return ['DARKROOM_CONNECT', 'DARKROOM_STATE_DIR', 'DARKROOM_STORE'].some((name) => Boolean(environment[name]));
}

/** A socket that somebody names must answer; the usual one need not be there. */
async function findAgent({ socket }: Settings, request: OpenOptions): Promise<Transport | null> {
  const { needsAgent, options } = request;
  if (!needsAgent && isEmbeddedExplicitly(request)) return null;
  const isRequired = needsAgent || options.socket !== undefined;
  if (!isRequired && !existsSync(socket)) return null;
  const { probeAgent } = await import('../api/probe-agent.ts');
  const transport = await probeAgent(socket, { isRequired });
  if (transport !== null || !needsAgent) return transport;
  throw new DarkroomError('AGENT_UNREACHABLE', `What answers at ${socket} is no agent.`, { fields: { socket } });
}

function openAgent(transport: Transport, { output, interrupts }: OpenOptions): CommandContext & AsyncDisposable {
  const client = createClient(transport);
  return { client, output, interrupts, isAgent: true, [Symbol.asyncDispose]: async () => {} };
}

async function openEmbedded(
  settings: Settings,
  { recovery, output, interrupts }: OpenOptions,
): Promise<CommandContext & AsyncDisposable> {
  const { embedApp } = await import('../agent/embed.ts');
  const warn = (message: string) => printWarning(output, message);
  const embedded = await embedApp(settings, { recovery, warn });
  return {
    client: createClient(createInjectTransport(embedded.app)),
    output,
    interrupts,
    isAgent: false,
    [Symbol.asyncDispose]: () => embedded[Symbol.asyncDispose](),
  };
}
