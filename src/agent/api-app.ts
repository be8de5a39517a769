import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { API_ROOT } from '../api/paths.ts';
import type { Operation } from '../model/operation.ts';
import type { CallerApplication } from '../operations/application.ts';

/** A server whose handlers see what their zod schemas made of a request. */
export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module 'fastify' {
  interface FastifyRequest {
    /** All that may be done on behalf of whoever sent the request. */
    application: CallerApplication;
  }
}

/** Long work: 202 with the operation, and where to see how it goes on. */
export function accept(
  reply: { code(status: number): unknown; header(name: string, value: string): unknown },
  operation: Operation,
): Operation {
  reply.code(202);
  reply.header('location', `${API_ROOT}/operations/${encodeURIComponent(operation.id)}`);
  return operation;
}
