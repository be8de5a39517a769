import type { LightMyRequestResponse } from 'fastify';
import type { ApiApp } from '../../src/agent/api-app.ts';
import { buildDaemonApp } from '../../src/agent/daemon-app.ts';
import type { LogFields, Logger } from '../../src/lib/logger.ts';
import type { Role } from '../../src/model/access.ts';
import type { Application } from '../../src/operations/application.ts';
import { createApplication } from '../../src/operations/create-application.ts';
import type { Core } from '../../src/operations/support/context.ts';
import { createImageCore } from './image-core.ts';

export interface Sent {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ServedHost {
  readonly core: Core;
  readonly application: Application;
  readonly app: ApiApp;
  /** Every line of the log, with its level and message. */
  readonly lines: readonly LogFields[];
  readonly tokens: ReadonlyMap<string, string>;
  addPrincipal(name: string, role: Role): Promise<string>;
  /** null: over the unix socket, without a token. */
  send(name: string | null, request: Sent): Promise<LightMyRequestResponse>;
}

/** A daemon's app over a host of fakes. Its administrator is root. */
export function serveHost(
  parts: Partial<Omit<Core, 'settings'>> = {},
  options: { readonly clientCa?: string | null; readonly extend?: (app: ApiApp) => void } = {},
): ServedHost {
  const { logger, lines } = collectLog();
  const caller = { name: 'root', role: 'admin', isTrustedWithPaths: false } as const;
  const core: Core = createImageCore({ caller, ...parts });
  const application = createApplication(core, async () => {});
  const extension = options.extend === undefined ? {} : { extend: options.extend };
  const tls = { certificate: null, key: null, clientCa: options.clientCa ?? null };
  const app = buildDaemonApp({ application, settings: { tls }, logger, version: '1.2.3', ...extension });
  const tokens = new Map<string, string>();
  return {
    core,
    application,
    app,
    lines,
    tokens,
    addPrincipal: async (name, role) => {
      const { token } = await application.principals.create({ name, role, hasToken: true });
      if (token === null) throw new Error('no token was made');
      tokens.set(name, token);
      return token;
    },
    send: (name, { method, url, body, headers }) =>
      app.inject({
        method,
        url,
        headers: { ...(name === null ? {} : { authorization: `Bearer ${tokens.get(name)}` }), ...headers },
        ...(body === undefined ? {} : { payload: body }),
      }),
  };
}

export function collectLog(): { readonly logger: Logger; readonly lines: LogFields[] } {
  const lines: LogFields[] = [];
  const at = (level: string) => (fields: LogFields, message: string) => void lines.push({ level, message, ...fields });
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return { logger, lines };
}
