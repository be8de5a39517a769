import { API_ROOT } from '../../api/paths.ts';
import { operationListQuerySchema, operationParamsSchema } from '../../api/schemas/operations.ts';
import type { ApiApp } from '../api-app.ts';
import { streamOperation } from '../stream-operation.ts';

const OPERATIONS = `${API_ROOT}/operations`;

export function addOperationRoutes(app: ApiApp): void {
  const schema = { params: operationParamsSchema };

  app.get(OPERATIONS, { schema: { querystring: operationListQuerySchema } }, ({ application, query }) =>
    application.operations.list(query),
  );

  app.get(`${OPERATIONS}/:operation`, { schema }, ({ application, params }) =>
    application.operations.show(params.operation),
  );

  app.post(`${OPERATIONS}/:operation/cancel`, { schema }, ({ application, params }) =>
    application.operations.cancel(params.operation),
  );

  app.get(`${OPERATIONS}/:operation/events`, { schema }, async ({ application, params }, reply) => {
    const events = await streamOperation(application, params.operation, reply.raw);
    return reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
  });
}
