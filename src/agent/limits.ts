import type { FastifyReply, FastifyRequest } from 'fastify';
import { DarkroomError } from '../model/errors.ts';
import type { Application } from '../operations/application.ts';
import type { ApiApp } from './api-app.ts';

/** A name of 255 characters, each four bytes, each byte percent-encoded, and filters besides; less than Node takes of headers. */
const MAX_URL_CHARACTERS = 8192;
/** Each asks the journal four times a second whether to go on, and holds files and processes open: far more than a host can work on. */
const MAX_RUNNING_OPERATIONS = 256;
/** Each is a connection and a queue of events: they leave half of the connections of a server to others. */
const MAX_STREAMS = 256;
/** Nobody alone keeps everybody else from watching. */
const MAX_STREAMS_EACH = 128;

/** Keeps what clients can make the agent hold at once finite: 414 and 429. Bodies and headers have limits of their own. */
export function addLimits(app: ApiApp, application: Pick<Application, 'runningIds'>): void {
  app.addHook('onRequest', async ({ url }) => {
    if (url.length > MAX_URL_CHARACTERS) throw new UrlTooLong();
  });
  limitStreams(app);
  limitOperations(app, application);
}

/** As fastify itself refuses a part of a URL that is too long. */
class UrlTooLong extends Error {
  readonly statusCode = 414;

  constructor() {
    super(`the URL is longer than ${MAX_URL_CHARACTERS} characters`);
  }
}

function limitStreams(app: ApiApp): void {
  const streams = new Map<string, number>();
  app.addHook('preHandler', async (request, reply) => {
    if (request.routeOptions.config.isStream !== true) return;
    const { name } = request.application.caller;
    const own = streams.get(name) ?? 0;
    const all = [...streams.values()].reduce((sum, count) => sum + count, 0);
    if (own >= MAX_STREAMS_EACH) throw tooMany(`${name} has ${own} event streams open`, MAX_STREAMS_EACH);
    if (all >= MAX_STREAMS) throw tooMany(`${all} event streams are open`, MAX_STREAMS);
    streams.set(name, own + 1);
    whenClosed(reply, () => leave(streams, name));
  });
}

function leave(streams: Map<string, number>, name: string): void {
  const left = (streams.get(name) ?? 0) - 1;
  if (left > 0) streams.set(name, left);
  else streams.delete(name);
}

/** A request that is being looked at counts, so that many at once cannot slip through together. */
function limitOperations(app: ApiApp, application: Pick<Application, 'runningIds'>): void {
  const beginning = new Set<FastifyRequest>();
  app.addHook('preHandler', async (request) => {
    if (request.routeOptions.config.isWork !== true) return;
    const running = application.runningIds.length + beginning.size;
    if (running >= MAX_RUNNING_OPERATIONS)
      throw tooMany(`${running} operations run on this host`, MAX_RUNNING_OPERATIONS);
    beginning.add(request);
  });
  app.addHook('onSend', async (request) => {
    beginning.delete(request);
  });
}

function whenClosed(reply: FastifyReply, then: () => void): void {
  if (reply.raw.destroyed) then();
  else reply.raw.once('close', then);
}

function tooMany(seen: string, limit: number): DarkroomError {
  return new DarkroomError('TOO_MANY_REQUESTS', `${seen}, and more than ${limit} are not taken on. Try again later.`, {
    fields: { limit },
  });
}
