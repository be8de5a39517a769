import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Role } from '../model/access.ts';
import type { ErrorCode } from '../model/errors.ts';
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
    /** What it started; null: nothing, or not yet. */
    operation: Operation | null;
    /** Why it was refused; null: it was not, or not yet. */
    failure: ErrorCode | null;
  }

  /** What a route says of itself, for those who guard and document it. */
  interface FastifyContextConfig {
    /** Role that it needs; anybody: of nobody in particular. Absent: reader to read, operator for everything else. */
    readonly needs?: Role | 'anybody';
    /** Starts an operation. */
    readonly isWork?: boolean;
    /** Goes on for as long as its reader listens. */
    readonly isStream?: boolean;
    /** What it does, in a few words. */
    readonly summary?: string;
    /** Codes of its failures beyond those that any route may have. */
    readonly errors?: readonly ErrorCode[];
  }
}
