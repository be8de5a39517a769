import type { AddressInfo } from 'node:net';
import type { Settings } from '../../config/settings.ts';
import type { Logger } from '../../lib/logger.ts';
import type { InheritedSocket } from '../../model/ports/service-manager.ts';
import type { ApiApp } from '../api-app.ts';
import { type Certificates, readCertificates } from './certificates.ts';
import { createHttpServer, createHttpsServer, type HttpServer } from './http-server.ts';
import { listenFailed } from './listen-errors.ts';
import { listenAtPath } from './unix-socket.ts';

export interface ListenerOptions {
  readonly settings: Pick<Settings, 'socket' | 'socketGroup' | 'listen' | 'tls'>;
  /** Sockets that somebody opened for us stand in for those of the settings. */
  readonly inherited: readonly InheritedSocket[];
  readonly log: Logger;
}

/** Where an application is served. */
export interface Listeners extends AsyncDisposable {
  readonly socket: string | null;
  readonly listen: string | null;
  /** False where nothing is served over TLS. */
  readonly isEncrypted: boolean;
  /** For connections from now on. */
  renew(certificates: Certificates): void;
}

/** AGENT_RUNNING, LISTEN_FAILED, INVALID_REQUEST (certificates); then nothing listens. */
export async function openListeners(app: ApiApp, options: ListenerOptions): Promise<Listeners> {
  await app.ready();
  const opened: HttpServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((http) => http.close()));
  };
  try {
    const tls = await openTls(app, options, opened);
    const socket = await openUnix(app, options, opened);
    const renew = (certificates: Certificates): void => {
      for (const { server } of tls) server.setSecureContext(certificates);
    };
    const addresses = tls.flatMap(({ server }) => describeAddress(server.address()));
    const listen = addresses.length === 0 ? null : addresses.join(', ');
    return { socket, listen, isEncrypted: tls.length > 0, renew, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openTls(app: ApiApp, { settings, inherited }: ListenerOptions, opened: HttpServer[]) {
  const passed = inherited.filter(({ family }) => family === 'tcp').map(({ fd }) => ({ fd }));
  const places = passed.length > 0 || settings.listen === null ? passed : [settings.listen];
  if (places.length === 0) return [];
  const certificates = await readCertificates(settings.tls);
  return await Promise.all(
    places.map(async (place) => {
      const http = createHttpsServer(app, certificates);
      opened.push(http);
      await listenAt(http, place);
      return http;
    }),
  );
}

/** Returns the path that leads there. */
async function openUnix(
  app: ApiApp,
  { settings, inherited, log }: ListenerOptions,
  opened: HttpServer[],
): Promise<string | null> {
  const passed = inherited.filter(({ family }) => family === 'unix');
  for (const { fd } of passed) {
    const http = createHttpServer(app);
    opened.push(http);
    await listenAt(http, { fd });
  }
  if (passed.length > 0) return passed[0]?.path ?? null;
  const http = createHttpServer(app);
  opened.push(http);
  await listenAtPath(http, { path: settings.socket, group: settings.socketGroup, log });
  return settings.socket;
}

async function listenAt(http: HttpServer, place: { fd: number } | { host: string; port: number }): Promise<void> {
  try {
    await http.listen(place);
  } catch (error) {
    throw listenFailed('fd' in place ? `descriptor ${place.fd}` : `${place.host}:${place.port}`, error);
  }
}

function describeAddress(address: AddressInfo | string | null): readonly string[] {
  if (address === null || typeof address === 'string') return [];
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return [`${host}:${address.port}`];
}
