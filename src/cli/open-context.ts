import type { RecoveryPolicy } from '../agent/embed.ts';
import { createClient } from '../api/client.ts';
import { loadSettings } from '../config/load-settings.ts';
import type { Settings } from '../config/settings.ts';
import { chooseHost } from './choose-host.ts';
import { type CommandContext, PATIENCE } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import type { Interrupts } from './interrupts.ts';
import { type Output, printWarning } from './output.ts';
import { reachAgent } from './reach-agent.ts';

export interface OpenOptions {
  readonly options: GlobalOptions;
  readonly recovery: RecoveryPolicy;
  /** Only an agent will do. */
  readonly needsAgent: boolean;
  /** The connection to it is opened while the rest is loaded. */
  readonly asksLibvirt?: boolean;
  readonly output: Output;
  readonly interrupts: Interrupts;
  readonly environment: NodeJS.ProcessEnv;
}

export type OpenedContext = CommandContext & AsyncDisposable;
export type OpenContext = (options: OpenOptions) => Promise<OpenedContext>;

/** The host that was named; else the agent of this one where it answers; else the same application in this process. */
export const openContext: OpenContext = async (request) => {
  const host = chooseHost(request.options, request.environment);
  if (host !== null) return await openRemote(host, request);
  const settings = loadSettings({
    file: request.options.config,
    env: request.environment,
    flags: { ...request.options, logLevel: chooseLogLevel(request) },
  });
  const isEmbedded = !request.needsAgent && isEmbeddedExplicitly(request);
  const local = isEmbedded ? null : await openAgent(settings, request);
  return local ?? (await openEmbedded(settings, request));
};

/** A terminal is for results; the level in the configuration file is the agent's. */
function chooseLogLevel({ options, environment }: OpenOptions): string {
  return options.logLevel ?? (environment['DARKROOM_LOG_LEVEL'] || 'warn');
}

/** An option wins over variables. */
function isEmbeddedExplicitly({ options, environment }: OpenOptions): boolean {
  const { connect, stateDir, store, socket } = options;
  if (connect !== undefined || stateDir !== undefined || store !== undefined) return true;
  if (socket !== undefined) return false;
  return ['DARKROOM_CONNECT', 'DARKROOM_STATE_DIR', 'DARKROOM_STORE'].some((name) => Boolean(environment[name]));
}

async function openRemote(name: string, { options, environment, output, interrupts }: OpenOptions) {
  const { loadInventory, requireHost } = await import('../config/inventory.ts');
  const host = requireHost(loadInventory({ file: options.config, env: environment }), name);
  const { openHost } = await import('./open-host.ts');
  const ending = new AbortController();
  const client = await openHost(host, { signal: ending.signal });
  return withEnding({ client, output, interrupts, isAgent: true, host: name, patience: PATIENCE }, ending);
}

/** A socket that somebody names must answer; the usual one need not be there. */
async function openAgent(settings: Settings, request: OpenOptions): Promise<OpenedContext | null> {
  const { options, output, interrupts, needsAgent } = request;
  const ending = new AbortController();
  const isRequired = needsAgent || options.socket !== undefined;
  const transport = await reachAgent(settings, { isRequired, output, signal: ending.signal });
  if (transport === null) return null;
  return withEnding(
    { client: createClient(transport), output, interrupts, isAgent: true, host: null, patience: PATIENCE },
    ending,
  );
}

/** What a command no longer wants to know must not keep its process. */
function withEnding(context: CommandContext, ending: AbortController): OpenedContext {
  return { ...context, [Symbol.asyncDispose]: async () => ending.abort() };
}

async function openEmbedded(settings: Settings, request: OpenOptions): Promise<OpenedContext> {
  const { recovery, asksLibvirt = false, output, interrupts } = request;
  const [{ embedApp }, { createInjectTransport }] = await Promise.all([
    import('../agent/embed.ts'),
    import('../api/inject-transport.ts'),
  ]);
  const warn = (message: string) => printWarning(output, message);
  const embedded = await embedApp(settings, { recovery, asksLibvirt, warn });
  return {
    client: createClient(createInjectTransport(embedded.app)),
    output,
    interrupts,
    isAgent: false,
    host: null,
    patience: PATIENCE,
    [Symbol.asyncDispose]: () => embedded[Symbol.asyncDispose](),
  };
}
