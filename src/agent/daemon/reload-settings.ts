import { isDeepStrictEqual } from 'node:util';
import type { Settings } from '../../config/settings.ts';
import type { RootLogger } from '../../lib/logger.ts';
import type { ServiceManager } from '../../model/ports/service-manager.ts';
import type { Application } from '../../operations/application.ts';
import { readCertificates } from './certificates.ts';
import type { Listeners } from './listeners.ts';

export interface ReloadParts {
  /** One object for all that look at it: what may change is changed in it. */
  readonly settings: Settings;
  readonly loadSettings: () => Settings;
  readonly application: Pick<Application, 'applySettings'>;
  readonly listeners: Pick<Listeners, 'isEncrypted' | 'renew'>;
  readonly service: ServiceManager;
  readonly log: RootLogger;
  readonly describe: () => string;
}

/** Names in the file of the settings that only a start can change: what is open, and where things already lie. */
const FIXED = {
  connectUri: 'connect',
  stateDir: 'state_dir',
  store: 'store',
  stores: 'stores',
  s3: 's3',
  imageServices: 'glance',
  cacheDir: 'cache_dir',
  cacheLimitBytes: 'cache_size',
  imageGroup: 'image_group',
  socket: 'socket',
  socketGroup: 'socket_group',
  listen: 'listen',
  instancesDir: 'instances_dir',
  overlayDir: 'overlay_dir',
  hostName: 'host_name',
} as const satisfies Partial<Record<keyof Settings, string>>;

/** Takes over new settings and certificates, all of them or, where one is broken, none; never throws. */
export async function reloadSettings(parts: ReloadParts): Promise<void> {
  const { service, log, describe } = parts;
  service.reloading();
  try {
    await applyNewSettings(parts);
    service.ready(describe());
  } catch (error) {
    const seen = error instanceof Error ? error.message : String(error);
    log.error({ error: seen }, 'the new settings are not used, the old ones stay');
    service.ready(`${describe()} (settings not reloaded: ${seen})`);
  }
}

async function applyNewSettings(parts: ReloadParts): Promise<void> {
  const { settings, loadSettings, application, listeners, log } = parts;
  const wanted = loadSettings();
  const certificates = listeners.isEncrypted ? await readCertificates(wanted.tls) : null;
  const fresh = keepFixed(settings, wanted);
  const changed = changedKeys(settings, fresh);
  const ignored = nameFixed(settings, wanted);
  Object.assign(settings, fresh);
  application.applySettings(fresh);
  log.setLevel(fresh.logLevel);
  if (certificates !== null) listeners.renew(certificates);
  log.info({ changed }, 'settings reloaded');
  if (ignored.length > 0) log.warn({ settings: ignored }, 'these settings need a restart of the agent to change');
}

function keepFixed(current: Settings, wanted: Settings): Settings {
  const { store, stores, s3, imageServices, cacheDir, cacheLimitBytes } = current;
  const { connectUri, stateDir, imageGroup, socket, socketGroup, listen, instancesDir, overlayDir, hostName } = current;
  const places = { store, stores, s3, imageServices, cacheDir, cacheLimitBytes, instancesDir, overlayDir };
  return { ...wanted, ...places, connectUri, stateDir, imageGroup, socket, socketGroup, listen, hostName };
}

function changedKeys(before: Settings, after: Settings): readonly string[] {
  const old = new Map(Object.entries(before).map(([key, value]) => [key, JSON.stringify(value)]));
  return Object.entries(after).flatMap(([key, value]) => (old.get(key) === JSON.stringify(value) ? [] : key));
}

/** The default store is one of the stores: where it alone is another, that is said once. */
function nameFixed(current: Settings, wanted: Settings): readonly string[] {
  const [, ...others] = current.stores;
  const isMore = current.store === wanted.store || !isDeepStrictEqual(others, wanted.stores.slice(1));
  const changed = changedKeys(current, wanted).filter((key) => isMore || key !== 'stores');
  return changed.flatMap((key) => (key in FIXED ? fileName(key) : []));
}

function fileName(key: string): string {
  return new Map<string, string>(Object.entries(FIXED)).get(key) ?? key;
}
