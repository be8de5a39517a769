import { Readable } from 'node:stream';
import { API_ROOT } from '../../api/paths.ts';
import { eventStreamSchema } from '../../api/schemas/answers.ts';
import { EVENT_TYPES, eventHeadersSchema, eventQuerySchema } from '../../api/schemas/events.ts';
import type { ApiApp } from '../api-app.ts';
import type { EventHub } from '../events/event-hub.ts';

/** How long a reader that does not keep up may take for the message that says so. */
const LAST_WORD_MS = 10_000;

export function addEventRoutes(app: ApiApp, hub: EventHub): void {
  // a server that closes waits for its connections
  app.addHook('preClose', async () => hub.close());

  app.get(
    `${API_ROOT}/events`,
    {
      schema: {
        querystring: eventQuerySchema,
        headers: eventHeadersSchema,
        response: { 200: { content: { 'text/event-stream': { schema: eventStreamSchema } } } },
      },
      config: {
        isStream: true,
        summary:
          'Server-sent events from now on: operation (an Operation), instance (an Instance), instance-gone (its id). ' +
          'The id of an event is good for Last-Event-ID, which brings what operations did since.',
      },
    },
    async ({ application, query, headers }, reply) => {
      const { queue, leave } = await hub.open(application, {
        types: query.types ?? new Set(EVENT_TYPES),
        afterRevision: headers['last-event-id'] ?? null,
        onGiveUp: () => setTimeout(() => reply.raw.destroy(), LAST_WORD_MS).unref(),
      });
      if (reply.raw.destroyed) leave();
      else reply.raw.once('close', leave);
      reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store');
      return reply.send(Readable.from(queue, { objectMode: false }));
    },
  );
}
