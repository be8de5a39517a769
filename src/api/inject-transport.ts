import type { FastifyInstance } from 'fastify';
import type { ApiRequest, ApiResponse, Transport } from './transport.ts';

/** Reaches an application in this very process, without a socket. */
export function createInjectTransport(app: Pick<FastifyInstance, 'inject'>): Transport {
  return { send: (request) => inject(app, request) };
}

async function inject(app: Pick<FastifyInstance, 'inject'>, request: ApiRequest): Promise<ApiResponse> {
  const response = await app.inject({
    method: request.method,
    url: request.path,
    payloadAsStream: true,
    ...(request.body === undefined
      ? {}
      : { payload: JSON.stringify(request.body), headers: { 'content-type': 'application/json' } }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  return { status: response.statusCode, body: response.stream() };
}
