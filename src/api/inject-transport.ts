import type { FastifyInstance } from 'fastify';
import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

/** Reaches an application in this very process, without a socket. */
export function createInjectTransport(app: Pick<FastifyInstance, 'inject'>): Transport {
  return { send: (request) => inject(app, request) };
}

async function inject(app: Pick<FastifyInstance, 'inject'>, request: ApiRequest): Promise<ApiResponse> {
  const { method, path: url } = request;
  const hasBody = request.body !== undefined;
  const headers = { ...request.headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) };
  const payload = hasBody ? { payload: JSON.stringify(request.body) } : {};
  const response = await app.inject({ method, url, headers, payloadAsStream: true, ...payload });
  const stream = response.stream();
  // No connection breaks here when the reader goes away; this is how the application hears of it.
  stream.once('close', () => response.raw.res.destroy());
  return { status: response.statusCode, body: stream };
}
