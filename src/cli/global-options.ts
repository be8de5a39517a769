import type { Argv } from 'yargs';

export interface GlobalOptions {
  readonly json: boolean;
  readonly connect?: string | undefined;
  readonly stateDir?: string | undefined;
  readonly store?: string | undefined;
  readonly socket?: string | undefined;
  readonly host?: string | undefined;
  readonly config?: string | undefined;
  readonly logLevel?: string | undefined;
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
const GROUP = 'Everywhere:';

export function addGlobalOptions(yargs: Argv): Argv<GlobalOptions> {
  const text = (describe: string) => ({ type: 'string', requiresArg: true, group: GROUP, describe }) as const;
  return yargs
    .option('json', { type: 'boolean', default: false, group: GROUP, describe: 'One JSON document on stdout' })
    .option('connect', text('libvirt URI (DARKROOM_CONNECT)'))
    .option('state-dir', text('Folder of the journal (DARKROOM_STATE_DIR)'))
    .option(
      'store',
      text('Where the images are: a name of the settings, a folder or s3://bucket/prefix (DARKROOM_STORE)'),
    )
    .option('socket', text("The agent's socket (DARKROOM_SOCKET)"))
    .option('host', text('Host of the inventory whose agent is asked (DARKROOM_HOST)'))
    .conflicts('host', ['connect', 'state-dir', 'store', 'socket'])
    .option('config', text('Configuration file (DARKROOM_CONFIG)'))
    .option('log-level', { ...text('How much to log on stderr'), choices: LOG_LEVELS });
}
