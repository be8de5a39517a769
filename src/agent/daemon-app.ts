import type { Settings } from '../config/settings.ts';
import type { Logger } from '../lib/logger.ts';
import type { Application } from '../operations/application.ts';
import type { ApiApp } from './api-app.ts';
import { buildApp } from './app.ts';
import { createAudit } from './audit-hook.ts';
import { authorise } from './authorise.ts';
import { EventHub } from './events/event-hub.ts';
import { createIdentify } from './identify.ts';
import { addLimits } from './limits.ts';
import { addEventRoutes } from './routes/events.ts';
import { addDocumentRoute } from './routes/openapi.ts';

export interface DaemonParts {
  readonly application: Application;
  /** Read at every request: a reload changes what is in them. */
  readonly settings: Pick<Settings, 'tls'>;
  readonly logger: Logger;
  readonly version: string;
  /** Adds what else this daemon serves; its routes are guarded as all are. */
  readonly extend?: (app: ApiApp) => void;
}

/** The API as a daemon serves it to whoever connects: who asks, what that may do, what was asked, and how much at once. */
export function buildDaemonApp({ application, settings, logger, version, extend }: DaemonParts): ApiApp {
  return buildApp({
    application,
    identify: createIdentify(application, settings),
    onAnswer: createAudit(application, logger),
    logger,
    extend: (app) => {
      addDocumentRoute(app, version);
      app.addHook('onRequest', async (request) => authorise(request, request.application.caller));
      addLimits(app, application);
      addEventRoutes(app, new EventHub(application, logger));
      extend?.(app);
    },
  });
}
