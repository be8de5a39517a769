import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from '../lib/logger.ts';
import type { CallerApplication } from '../operations/application.ts';
import type { ApiApp } from './api-app.ts';
import { answerUnknownRoute, createErrorAnswer } from './error-answers.ts';
import { addBackupRoutes } from './routes/backups.ts';
import { addHostRoutes } from './routes/host.ts';
import { addImageTransferRoutes } from './routes/image-transfers.ts';
import { addImageRoutes } from './routes/images.ts';
import { addInstanceRoutes } from './routes/instances.ts';
import { addOperationRoutes } from './routes/operations.ts';
import { addPrincipalRoutes } from './routes/principals.ts';
import { addQuotaRoutes } from './routes/quota.ts';
import { addRecycledImageRoutes } from './routes/recycled-images.ts';
import { addScheduleRoutes } from './routes/schedules.ts';
import { addSnapshotWorkRoutes } from './routes/snapshot-work.ts';
import { addSnapshotRoutes } from './routes/snapshots.ts';
import { addStoreRoutes } from './routes/stores.ts';
import { addVolumeRoutes } from './routes/volumes.ts';
import { compileValidator, NO_COMPILERS } from './validate-request.ts';

/** Room for a megabyte of cloud-init user data in JSON. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** A name of 255 characters, each four bytes, each byte percent-encoded, and more. */
const MAX_PARAM_LENGTH = 4096;

export interface AppParts {
  /** Serves everybody in this process; what a daemon does for others is for `identify` to say. */
  readonly application: CallerApplication;
  /** On whose behalf a request is done. What it throws is the answer: UNAUTHENTICATED, FORBIDDEN. */
  readonly identify?: (request: FastifyRequest) => CallerApplication | Promise<CallerApplication>;
  /** Adds what only a daemon has, before the routes of the API. */
  readonly extend?: (app: ApiApp) => void;
  /** Hears of every answer before it goes out. Must not throw. */
  readonly onAnswer?: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Hears of faults of ours; absent: nobody does. */
  readonly logger?: Pick<Logger, 'error'>;
}

/** The HTTP API over an application: what an agent listens with and what the command line injects into. */
export function buildApp({ application, identify = () => application, extend, onAnswer, logger }: AppParts): ApiApp {
  const answerError = createErrorAnswer(logger);
  const app: ApiApp = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT_BYTES,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // of a URL that cannot be read no hook hears
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply);
      void onAnswer?.(request, reply);
    },
    exposeHeadRoutes: false,
    schemaController: NO_COMPILERS,
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(compileValidator);
  // schemas of answers are for the document: what the core answers needs no second look
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(answerUnknownRoute);
  app.decorateRequest('application');
  app.decorateRequest('operation', null);
  app.decorateRequest('failure', null);
  app.addHook('onRequest', async (request) => {
    request.application = await identify(request);
  });
  if (onAnswer !== undefined) app.addHook('onSend', (request, reply) => onAnswer(request, reply));
  extend?.(app);
  addHostRoutes(app);
  addImageRoutes(app);
  addImageTransferRoutes(app);
  addRecycledImageRoutes(app);
  addInstanceRoutes(app);
  addVolumeRoutes(app);
  addSnapshotRoutes(app);
  addSnapshotWorkRoutes(app);
  addStoreRoutes(app);
  addQuotaRoutes(app);
  addBackupRoutes(app);
  addScheduleRoutes(app);
  addOperationRoutes(app);
  addPrincipalRoutes(app);
  return app;
}
