import { existsSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../e2e/support/run-command.ts';
import { createTestFolder, IMAGES_FOLDER, runName, uniqueName } from '../e2e/support/test-folder.ts';

const SCRIPTS = fileURLToPath(new URL('../../scripts/engines/', import.meta.url));
/** Of every user of scripts/engines/keystone. */
const PASSWORD = 'darkroom-secret';

/** What a client of S3 has to know. Path-style addresses only. */
export interface S3Account {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

/** What can happen to a service. Its data and its address stay. */
export interface Faults {
  /** In good order: requests in flight are answered. */
  stop(): Promise<void>;
  /** In the middle of whatever it does. */
  kill(): Promise<void>;
  /** After `stop` or `kill`; resolves when it answers. */
  start(): Promise<void>;
  /** It accepts connections and answers nothing. */
  pause(): Promise<void>;
  continue(): Promise<void>;
}

/** A process of its own in front of a Ceph that others use too: its faults disturb nobody. */
export interface Gateway extends S3Account, Faults, AsyncDisposable {
  /** As `pause`, at once: nothing more is answered when it returns. */
  freeze(): void;
}

export interface Ceph extends S3Account {
  readonly folder: string;
  /** A new one unless named; gives its name. */
  createBucket(name?: string): Promise<string>;
  /** Another owner, whose objects may take no more than that: more is refused with 403 QuotaExceeded. Repeated, another quota. */
  createUser(name: string, maxBytes?: number): Promise<S3Account>;
  addGateway(): Promise<Gateway>;
}

export type OwnCeph = Ceph & AsyncDisposable;

export interface CephOptions {
  /** bluestore survives a restart; memstore, which is quicker, is empty then. */
  readonly store?: 'memstore' | 'bluestore';
}

/** The one that all files of a run share: the first to ask starts it, in some two seconds. Use a bucket of your own. */
export function useSharedCeph(): Promise<Ceph> {
  return openCeph(sharedFolder(), {});
}

/** At the end of a run; where nobody asked for it there is nothing to do. */
export async function stopSharedCeph(): Promise<void> {
  if (existsSync(sharedFolder())) await removeEngine('ceph', sharedFolder());
}

/** For tests that do to a whole Ceph what others would notice. */
export async function startCeph(options: CephOptions = {}): Promise<OwnCeph> {
  const folder = await createTestFolder(uniqueName());
  const ceph = await openCeph(folder.path, options);
  return { ...ceph, [Symbol.asyncDispose]: () => removeEngine('ceph', folder.path) };
}

export interface Glance extends Faults, AsyncDisposable {
  readonly endpoint: string;
  readonly folder: string;
}

export type GlanceOptions = { readonly quotaBytes?: number } & (
  | { readonly auth: 'none' | 'fake' }
  | { readonly auth: 'keystone'; readonly keystone: Keystone }
);

/** Takes some seven seconds. */
export async function startGlance(options: GlanceOptions): Promise<Glance> {
  const env: Record<string, string> = { AUTH: options.auth };
  if (options.auth === 'keystone') env['KEYSTONE'] = options.keystone.folder;
  if (options.quotaBytes !== undefined) env['QUOTA'] = String(options.quotaBytes);
  return await startService('glance', env);
}

export interface ApplicationCredential {
  readonly id: string;
  readonly name: string;
  readonly secret: string;
  readonly projectId: string;
  readonly userId: string;
}

export interface Keystone extends Faults, AsyncDisposable {
  /** Ends with /v3. */
  readonly authUrl: string;
  readonly folder: string;
  /** Of the users demo, other and admin, each a member of the project of the same name, in the domain Default. */
  readonly password: string;
  /** Of demo. */
  readonly credential: ApplicationCredential;
}

export interface KeystoneOptions {
  /** How long a token is good. */
  readonly tokenSeconds?: number;
}

/** Takes some ten seconds. */
export async function startKeystone(options: KeystoneOptions = {}): Promise<Keystone> {
  const env: Record<string, string> = { PASSWORD };
  if (options.tokenSeconds !== undefined) env['TOKEN_SECONDS'] = String(options.tokenSeconds);
  const service = await startService('keystone', env);
  const written = await readFile(path.join(service.folder, 'app-credential.json'), 'utf8');
  const credential: ApplicationCredential = JSON.parse(written);
  return { ...service, authUrl: service.endpoint, password: PASSWORD, credential };
}

function sharedFolder(): string {
  return path.join(IMAGES_FOLDER, runName('ceph'));
}

async function openCeph(folder: string, options: CephOptions): Promise<Ceph> {
  const endpoint = await start('ceph', ['start', folder, '0'], { STORE: options.store ?? 'memstore' });
  const keys = await readFile(path.join(folder, 'keys'), 'utf8');
  const owner = accountOf(endpoint, keys);
  return {
    ...owner,
    folder,
    createBucket: async (name = uniqueName()) => {
      await run('ceph', ['bucket', folder, name]);
      return name;
    },
    createUser: async (name, maxBytes) => {
      const quota = maxBytes === undefined ? [] : [String(maxBytes)];
      return accountOf(endpoint, await run('ceph', ['user', folder, name, ...quota]));
    },
    addGateway: () => addGateway(folder, owner),
  };
}

function accountOf(endpoint: string, keys: string): S3Account {
  const [accessKey = '', secretKey = ''] = keys.trim().split(' ');
  return { endpoint, region: 'us-east-1', accessKey, secretKey };
}

async function addGateway(folder: string, owner: S3Account): Promise<Gateway> {
  const endpoint = await start('ceph', ['start-gateway', folder, '0']);
  const { port } = new URL(endpoint);
  const tell = async (verb: string): Promise<void> => {
    await run('ceph', [`${verb}-gateway`, folder, port]);
  };
  return {
    ...owner,
    endpoint,
    ...faultsBy(tell),
    freeze: () => {
      process.kill(Number(readFileSync(path.join(folder, 'run', `rgw.${port}.pid`), 'utf8')), 'SIGSTOP');
    },
    [Symbol.asyncDispose]: () => tell('kill'),
  };
}

async function startService(engine: string, env: Record<string, string>): Promise<Glance> {
  const { path: folder } = await createTestFolder(uniqueName());
  const endpoint = await start(engine, ['start', folder, '0'], env);
  const tell = async (verb: string): Promise<void> => {
    await run(engine, [verb, folder], env);
  };
  return { endpoint, folder, ...faultsBy(tell), [Symbol.asyncDispose]: () => removeEngine(engine, folder) };
}

function faultsBy(tell: (verb: string) => Promise<void>): Faults {
  return {
    stop: () => tell('stop'),
    kill: () => tell('kill'),
    start: () => tell('start'),
    pause: () => tell('pause'),
    continue: () => tell('continue'),
  };
}

/** The address that it is ready at. */
async function start(engine: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const [, endpoint] = /^ready (\S+)$/m.exec(await run(engine, args, env)) ?? [];
  if (endpoint === undefined) throw new Error(`${engine} ${args.join(' ')} names no address`);
  return endpoint;
}

function run(engine: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return runCommand(`${SCRIPTS}${engine}`, args, { env });
}

async function removeEngine(engine: string, folder: string): Promise<void> {
  await run(engine, ['stop', folder]);
  await rm(folder, { recursive: true, force: true });
}
