import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { type CommandOptions, type CommandResult, type RunningCommand, startCommand } from './run-command.ts';
import { createTestFolder } from './test-folder.ts';
import { SYSTEM_URI } from './virsh.ts';

const ENTRY = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

export interface DarkroomResult extends CommandResult {
  /** The one JSON document on standard output. */
  json(): unknown;
  /** JSON lines on standard error (progress with --json); other lines are left out. */
  jsonLines(): readonly unknown[];
}

/** The built command line with state, store and instances of its own. */
export interface DarkroomHost extends AsyncDisposable {
  readonly folder: string;
  readonly stateDir: string;
  readonly store: string;
  readonly instancesDir: string;
  run(args: readonly string[], options?: CommandOptions): Promise<DarkroomResult>;
  /** Runs with --json; an exit code other than 0 is an error. Returns the JSON document. */
  json(args: readonly string[], options?: CommandOptions): Promise<unknown>;
  /** Runs in the background: kill, signal, wait for `ended`. */
  start(args: readonly string[], options?: CommandOptions): RunningCommand;
}

export interface DarkroomHostOptions {
  /** A store elsewhere, such as on another file system. */
  readonly store?: string;
  readonly instancesDir?: string;
  readonly uri?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Others that its configuration names. */
  readonly stores?: Readonly<Record<string, { readonly url: string }>>;
}

export async function createDarkroomHost(options: DarkroomHostOptions = {}): Promise<DarkroomHost> {
  if (!existsSync(ENTRY)) throw new Error(`${ENTRY} does not exist: run npm run build first`);
  const folder = await createTestFolder();
  const places = {
    folder: folder.path,
    stateDir: path.join(folder.path, 'state'),
    store: options.store ?? path.join(folder.path, 'store'),
    instancesDir: options.instancesDir ?? path.join(folder.path, 'instances'),
  };
  const env = {
    DARKROOM_CONNECT: options.uri ?? SYSTEM_URI,
    DARKROOM_STATE_DIR: places.stateDir,
    DARKROOM_STORE: places.store,
    DARKROOM_INSTANCES_DIR: places.instancesDir,
    DARKROOM_OVERLAY_DIR: path.join(folder.path, 'overlays'),
    DARKROOM_CACHE_DIR: path.join(folder.path, 'cache'),
    DARKROOM_SOCKET: path.join(folder.path, 'agent.sock'),
    // what is deleted is gone, but for tests of the recycle period
    DARKROOM_RECYCLE_DAYS: '0',
    NO_COLOR: '1',
    ...(options.stores && { DARKROOM_CONFIG: await writeConfig(folder.path, { stores: options.stores }) }),
    ...options.env,
  };
  const start: DarkroomHost['start'] = (args, run = {}) =>
    startCommand(process.execPath, [ENTRY, ...args], { ...run, env: { ...env, ...run.env } });
  return {
    ...places,
    start,
    run: async (args, run) => readResult(await start(args, run).ended),
    json: async (args, run) => requireJson(args, await start([...args, '--json'], run).ended),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function writeConfig(folder: string, settings: object): Promise<string> {
  const file = path.join(folder, 'darkroom.yaml');
  await writeFile(file, stringify(settings));
  return file;
}

function readResult(result: CommandResult): DarkroomResult {
  return {
    ...result,
    json: () => JSON.parse(result.stdout),
    jsonLines: () =>
      result.stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line): unknown => JSON.parse(line)),
  };
}

function requireJson(args: readonly string[], result: CommandResult): unknown {
  if (result.exitCode === 0) return readResult(result).json();
  throw new Error(`darkroom ${args.join(' ')} ended with ${result.exitCode}: ${result.stderr.trim()}`);
}
