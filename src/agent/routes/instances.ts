import { API_ROOT } from '../../api/paths.ts';
import { POWER_VERBS, STOP_VERBS } from '../../api/power-verbs.ts';
import {
  deleteInstanceQuerySchema,
  instanceParamsSchema,
  launchInstanceBodySchema,
  powerBodySchema,
  shelveInstanceBodySchema,
  stopInstanceBodySchema,
  unshelveInstanceBodySchema,
} from '../../api/schemas/instances.ts';
import { type ApiApp, accept } from '../api-app.ts';

const INSTANCES = `${API_ROOT}/instances`;

export function addInstanceRoutes(app: ApiApp): void {
  app.get(INSTANCES, ({ application }) => application.instances.list());

  app.get(`${INSTANCES}/:instance`, { schema: { params: instanceParamsSchema } }, ({ application, params }) =>
    application.instances.show(params.instance),
  );

  app.post(INSTANCES, { schema: { body: launchInstanceBodySchema } }, async ({ application, body }, reply) =>
    accept(reply, await application.operations.submit({ kind: 'instance.launch', ...body })),
  );

  app.delete(
    `${INSTANCES}/:instance`,
    { schema: { params: instanceParamsSchema, querystring: deleteInstanceQuerySchema } },
    async ({ application, params, query }, reply) =>
      accept(
        reply,
        await application.operations.submit({ kind: 'instance.delete', instance: params.instance, ...query }),
      ),
  );

  addPowerRoutes(app);
  addShelfRoutes(app);
}

function addPowerRoutes(app: ApiApp): void {
  for (const verb of POWER_VERBS) {
    app.post(
      `${INSTANCES}/:instance/${verb}`,
      { schema: { params: instanceParamsSchema, body: powerBodySchema } },
      async ({ application, params }, reply) =>
        accept(reply, await application.operations.submit({ kind: `instance.${verb}`, instance: params.instance })),
    );
  }

  for (const verb of STOP_VERBS) {
    app.post(
      `${INSTANCES}/:instance/${verb}`,
      { schema: { params: instanceParamsSchema, body: stopInstanceBodySchema } },
      async ({ application, params, body }, reply) =>
        accept(
          reply,
          await application.operations.submit({ kind: `instance.${verb}`, instance: params.instance, ...body }),
        ),
    );
  }
}

function addShelfRoutes(app: ApiApp): void {
  app.post(
    `${INSTANCES}/:instance/shelve`,
    { schema: { params: instanceParamsSchema, body: shelveInstanceBodySchema } },
    async ({ application, params, body }, reply) =>
      accept(
        reply,
        await application.operations.submit({ kind: 'instance.shelve', instance: params.instance, ...body }),
      ),
  );

  app.post(
    `${INSTANCES}/:instance/offload`,
    { schema: { params: instanceParamsSchema, body: powerBodySchema } },
    async ({ application, params }, reply) =>
      accept(reply, await application.operations.submit({ kind: 'instance.offload', instance: params.instance })),
  );

  app.post(
    `${INSTANCES}/:instance/unshelve`,
    { schema: { params: instanceParamsSchema, body: unshelveInstanceBodySchema } },
    async ({ application, params, body }, reply) =>
      accept(
        reply,
        await application.operations.submit({ kind: 'instance.unshelve', instance: params.instance, ...body }),
      ),
  );
}
