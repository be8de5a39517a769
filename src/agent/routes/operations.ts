import { API_ROOT } from '../../api/paths.ts';
import { eventStreamSchema, listOf } from '../../api/schemas/answers.ts';
import { operationListQuerySchema, operationParamsSchema, operationSchema } from '../../api/schemas/operations.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';
import { streamOperation } from '../stream-operation.ts';

const OPERATIONS = `${API_ROOT}/operations`;

export function addOperationRoutes(app: ApiApp): void {
  const params = operationParamsSchema;

  app.get(
    OPERATIONS,
    {
      schema: { querystring: operationListQuerySchema, response: { 200: listOf(operationSchema) } },
      config: { summary: "The caller's operations, newest first", errors: ['OPERATION_NOT_FOUND'] },
    },
    (request, reply) => answerPage(request, reply, request.application.operations.list),
  );

  app.get(
    `${OPERATIONS}/:operation`,
    {
      schema: { params, response: { 200: operationSchema } },
      config: { summary: 'One operation', errors: ['OPERATION_NOT_FOUND'] },
    },
    ({ application, params: { operation } }) => application.operations.show(operation),
  );

  app.post(
    `${OPERATIONS}/:operation/cancel`,
    {
      schema: { params, response: { 200: operationSchema } },
      config: {
        summary: 'Asks a running operation to undo itself',
        errors: ['OPERATION_NOT_FOUND', 'OPERATION_FINISHED'],
      },
    },
    ({ application, params: { operation } }) => application.operations.cancel(operation),
  );

  addOperationStream(app);
}

function addOperationStream(app: ApiApp): void {
  app.get(
    `${OPERATIONS}/:operation/events`,
    {
      schema: {
        params: operationParamsSchema,
        response: { 200: { content: { 'text/event-stream': { schema: eventStreamSchema } } } },
      },
      config: {
        isStream: true,
        summary: 'Server-sent events: the operation at once, at every change and when it is over',
        errors: ['OPERATION_NOT_FOUND'],
      },
    },
    async ({ application, params }, reply) => {
      const events = await streamOperation(application, params.operation, reply.raw);
      reply.type('text/event-stream; charset=utf-8').header('cache-control', 'no-store').send(events);
      return reply;
    },
  );
}
