import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../lib/logger.ts';
import type { AuditEvent } from '../model/ports/audit.ts';
import type { Application } from '../operations/application.ts';
import { isReading } from './authorise.ts';
import { ANONYMOUS } from './identify.ts';

/** The trail keeps so many events: strangers at the door must not push out what principals did. The log has them all. */
const MAX_ANONYMOUS_A_MINUTE = 60;
const MINUTE_MS = 60_000;
const MAX_TARGET_CHARACTERS = 255;

/** Every wish to change something leaves an event, before it is answered, whether it was granted or not. */
export function createAudit(
  application: Pick<Application, 'recordAudit'>,
  log: Logger,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const isWelcome = limitAnonymous();
  return async (request, reply) => {
    if (isReading(request.method)) return;
    const event = describe(request, reply);
    const { at: _at, ...fields } = event;
    log.info({ audit: true, ...fields }, 'a change was asked for');
    if (event.principal !== ANONYMOUS || isWelcome()) await record(application, event, log);
  };
}

/** Work that is done is not undone because nobody wrote down who wanted it. */
async function record(application: Pick<Application, 'recordAudit'>, event: AuditEvent, log: Logger): Promise<void> {
  try {
    await application.recordAudit(event);
  } catch (error) {
    log.error({ error: String(error), action: event.action }, 'an audit event was not recorded');
  }
}

function describe(request: FastifyRequest, reply: FastifyReply): AuditEvent {
  return {
    at: new Date().toISOString(),
    // absent where it was refused before anybody was recognised
    principal: request.application?.caller.name ?? ANONYMOUS,
    action: `${request.method} ${request.routeOptions.url ?? '(nothing)'}`,
    target: findTarget(request),
    httpStatus: reply.statusCode,
    errorCode: request.failure ?? null,
    operationId: request.operation?.id ?? null,
  };
}

function findTarget({ params, operation, body }: FastifyRequest): string | null {
  const target = firstText(params) ?? operation?.target ?? readName(body);
  return target === null ? null : target.slice(0, MAX_TARGET_CHARACTERS);
}

/** The first thing that a route names is the one that is changed. */
function firstText(params: unknown): string | null {
  if (typeof params !== 'object' || params === null) return null;
  return Object.values(params).find((value) => typeof value === 'string') ?? null;
}

/** Of what was to be made. */
function readName(body: unknown): string | null {
  return typeof body === 'object' && body !== null && 'name' in body && typeof body.name === 'string'
    ? body.name
    : null;
}

function limitAnonymous(): () => boolean {
  let minute = 0;
  let count = 0;
  return () => {
    const now = Math.floor(Date.now() / MINUTE_MS);
    count = now === minute ? count + 1 : 1;
    minute = now;
    return count <= MAX_ANONYMOUS_A_MINUTE;
  };
}
