import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { toErrorBody } from '../api/error-body.ts';
import { ERROR_TABLE } from '../api/error-table.ts';
import type { Logger } from '../lib/logger.ts';
import { DarkroomError, toDarkroomError } from '../model/errors.ts';

type AnswerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Answers with the error's code and the status that the one table gives it; a fault of ours is logged with its stack. */
export function createErrorAnswer(logger: Pick<Logger, 'error'> | undefined): AnswerError {
  return (error, request, reply) => {
    const known = isRefusedByFastify(error) ? refusedRequest(error) : toDarkroomError(error);
    if (known.code === 'INTERNAL') logger?.error({ err: error, path: request.url }, 'request failed unexpectedly');
    const status = isRefusedByFastify(error) ? error.statusCode : ERROR_TABLE[known.code].httpStatus;
    sendError(reply, { status, error: known });
  };
}

export function answerUnknownRoute(request: FastifyRequest, reply: FastifyReply): void {
  const message = `There is nothing at ${request.method} ${request.url}.`;
  sendError(reply, { status: 404, error: new DarkroomError('ROUTE_NOT_FOUND', message) });
}

function sendError(reply: FastifyReply, answer: { readonly status: number; readonly error: DarkroomError }): void {
  reply.request.failure = answer.error.code;
  if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
  reply.code(answer.status).type('application/json; charset=utf-8').send(toErrorBody(answer.error));
}

type RefusedByFastify = FastifyError & { readonly statusCode: number };

/** fastify's own complaints about a request: no JSON, too long, an unknown media type, a broken URL. */
function isRefusedByFastify(error: unknown): error is RefusedByFastify {
  if (!(error instanceof Error) || error instanceof DarkroomError) return false;
  if (!('statusCode' in error) || typeof error.statusCode !== 'number') return false;
  return error.statusCode >= 400 && error.statusCode < 500;
}

function refusedRequest(error: RefusedByFastify): DarkroomError {
  if (error.statusCode === 404) return new DarkroomError('ROUTE_NOT_FOUND', error.message, { cause: error });
  return new DarkroomError('INVALID_REQUEST', `The request cannot be read: ${error.message}`, { cause: error });
}
