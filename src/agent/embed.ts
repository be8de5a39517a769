import type { Settings } from '../config/settings.ts';
import type { Logger } from '../lib/logger.ts';
import { DarkroomError } from '../model/errors.ts';
import type { StoreOutage } from '../model/store.ts';
import type { Application } from '../operations/application.ts';
import type { ApiApp } from './api-app.ts';

/**
 * What to do about operations that dead processes left unfinished, before anything is served. required: a failure is
 * thrown; attempted: it is told of and the rest goes on; none: for what reads records only.
 */
export type RecoveryPolicy = 'required' | 'attempted' | 'none';

export interface EmbedOptions {
  readonly recovery: RecoveryPolicy;
  /** A connection to libvirt is opened at once, beside what is still to be done here. */
  readonly asksLibvirt?: boolean;
  readonly warn: (message: string) => void;
}

export interface EmbeddedApp extends AsyncDisposable {
  readonly app: ApiApp;
}

/** The same application and API as an agent has, in this process and without a socket. */
export async function embedApp(settings: Settings, options: EmbedOptions): Promise<EmbeddedApp> {
  const { compose } = await import('../compose.ts');
  const application = await compose(settings, { onStoreOutage: createOutageTeller(options.warn) });
  // by a thread of its own; who asks next is told what stands against it
  if (options.asksLibvirt === true) application.ping().catch(() => undefined);
  try {
    const { buildApp } = await import('./app.ts');
    await recover(application, options);
    const app = buildApp({ application, ...(await debugLogger(settings)) });
    return { app, [Symbol.asyncDispose]: () => close(app, application) };
  } catch (error) {
    await application[Symbol.asyncDispose]();
    throw error;
  }
}

/** A command tells of its own failures; their stacks are for who debugs it. Loaded only then, to start fast. */
async function debugLogger({ logLevel }: Settings): Promise<{ logger?: Logger }> {
  if (logLevel !== 'debug') return {};
  const { createLogger } = await import('../lib/logger.ts');
  return { logger: createLogger({ level: logLevel, isPretty: process.stderr.isTTY === true }) };
}

/** Once per store, however often it comes and goes: the next words about it are those of the command's end. */
function createOutageTeller(warn: EmbedOptions['warn']): (outage: StoreOutage) => void {
  const told = new Set<string>();
  return ({ store, location, endpoint, reason, forMs }) => {
    if (told.has(store)) return;
    told.add(store);
    const name = store === location ? location : `${store} (${location})`;
    const seconds = Math.max(1, Math.round(forMs / 1000));
    warn(`the store ${name} at ${endpoint} cannot be used now: ${reason}; trying again for up to ${seconds} s`);
  };
}

async function recover(application: Application, { recovery, warn }: EmbedOptions): Promise<void> {
  if (recovery === 'none') return;
  try {
    await application.recover();
  } catch (error) {
    if (recovery === 'required') throw error;
    const seen = error instanceof DarkroomError ? error.message : String(error);
    warn(`what an earlier process left unfinished is not yet put right: ${seen}`);
  }
}

async function close(app: ApiApp, application: Application): Promise<void> {
  try {
    await app.close();
  } finally {
    await application[Symbol.asyncDispose]();
  }
}
