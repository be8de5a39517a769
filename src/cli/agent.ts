import type { Argv } from 'yargs';
import type { AgentStatus } from '../api/schemas/agent.ts';
import { DarkroomError } from '../model/errors.ts';
import type { CommandContext, CommandHost, StandaloneParts } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { renderDetails } from './render/details.ts';
import { formatDuration, formatTime, printable } from './render/text.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addRun(yargs, host);
  addStatus(yargs, host);
}

function addRun(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'run',
    'Serve this host until stopped: SIGTERM or Ctrl-C waits for what runs, a second one has it undone',
    (command) =>
      command
        .option('listen', {
          type: 'string',
          requiresArg: true,
          describe: 'TCP address too, with TLS (DARKROOM_LISTEN)',
        })
        .example('$0 agent run', 'On the unix socket alone')
        .example('$0 agent run --listen 0.0.0.0:8443', 'Certificate and key stand in the configuration file'),
    (argv) => host.executeStandalone(argv, (parts) => runAgentCommand(parts, argv.listen)),
  );
}

function addStatus(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'status',
    'Ask the agent how it is; ends with 7 when none answers',
    (command) => command.example('$0 agent status', 'Where it listens, and whether libvirt answers'),
    (argv) => host.execute(argv, { recovery: 'none', needsAgent: true, run: showStatus }),
  );
}

/** A call to a libvirt that hangs would keep a process alive that has nothing left to do. */
const EXIT_GRACE_MS = 5_000;

async function runAgentCommand(parts: StandaloneParts, listen: string | undefined): Promise<number> {
  const [{ runAgent }, { loadSettings }] = await Promise.all([
    import('../agent/run-agent.ts'),
    import('../config/load-settings.ts'),
  ]);
  const { options, environment, version, interrupts: signals } = parts;
  if (options.host !== undefined)
    throw new DarkroomError('INVALID_REQUEST', 'An agent serves the host that it runs on: leave --host out.');
  const flags = { ...options, listen };
  const load = () => loadSettings({ file: options.config, env: environment, flags });
  try {
    await runAgent({ version, loadSettings: load, environment, signals });
    return 0;
  } finally {
    setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
  }
}

export async function showStatus({ client, output }: CommandContext): Promise<number> {
  const status = await client.agent.status();
  await printResult(output, status, () => renderDetails(output, describe(status)));
  return 0;
}

function describe(status: AgentStatus): readonly (readonly [string, string])[] {
  const { libvirt } = status;
  return [
    ['host', printable(status.host)],
    ['version', printable(status.version)],
    [
      'process',
      `${status.pid}, since ${formatTime(status.startedAt)} (${formatDuration(status.uptimeSeconds * 1000)})`,
    ],
    ['state', status.isStopping ? 'stopping' : 'running'],
    ['socket', printable(status.socket ?? '-')],
    ['listens at', printable(status.listen ?? '-')],
    ['libvirt', libvirt.isReachable ? 'answers' : printable(libvirt.error ?? 'does not answer')],
    ['operations', `${status.runningOperations} running`],
  ];
}
