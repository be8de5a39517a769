import { API_ROOT } from '../../api/paths.ts';
import { POWER_VERBS, STOP_VERBS } from '../../api/power-verbs.ts';
import { listOf } from '../../api/schemas/answers.ts';
import {
  deleteInstanceQuerySchema,
  instanceListQuerySchema,
  instanceParamsSchema,
  instanceSchema,
  launchInstanceBodySchema,
  powerBodySchema,
  stopInstanceBodySchema,
  updateInstanceBodySchema,
} from '../../api/schemas/instances.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';
import { submit } from '../submit.ts';
import { UNLOCKING } from './images.ts';
import { addShelfRoutes } from './shelf.ts';

const INSTANCES = `${API_ROOT}/instances`;
const LIBVIRT: readonly ErrorCode[] = ['LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'];
/** Whatever works on an instance may meet these. */
const WORKING: readonly ErrorCode[] = [
  ...(['INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'INSTANCE_BUSY', 'INSTANCE_STATE'] as const),
  ...LIBVIRT,
];

export function addInstanceRoutes(app: ApiApp): void {
  addInstanceRecordRoutes(app);
  addLifeRoutes(app);
  addPowerRoutes(app);
  addShelfRoutes(app);
}

function addInstanceRecordRoutes(app: ApiApp): void {
  app.get(
    INSTANCES,
    {
      schema: { querystring: instanceListQuerySchema, response: { 200: listOf(instanceSchema) } },
      config: { summary: 'Instances that the caller may see, by name', errors: LIBVIRT },
    },
    (request, reply) => answerPage(request, reply, request.application.instances.list),
  );

  app.get(
    `${INSTANCES}/:instance`,
    {
      schema: { params: instanceParamsSchema, response: { 200: instanceSchema } },
      config: {
        summary: 'One instance',
        errors: ['INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'STORE_UNUSABLE', ...LIBVIRT],
      },
    },
    ({ application, params }) => application.instances.show(params.instance),
  );

  app.patch(
    `${INSTANCES}/:instance`,
    {
      schema: { params: instanceParamsSchema, body: updateInstanceBodySchema, response: { 200: instanceSchema } },
      config: { summary: 'Changes of what is noted of an instance', errors: [...WORKING, 'STORE_UNUSABLE'] },
    },
    ({ application, params, body }) => application.instances.update(params.instance, body),
  );
}

function addLifeRoutes(app: ApiApp): void {
  const accepted = { 202: operationSchema };

  app.post(
    INSTANCES,
    {
      schema: { body: launchInstanceBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Launches an instance from an image',
        errors: [
          ...([
            'IMAGE_NOT_FOUND',
            'AMBIGUOUS_NAME',
            'IMAGE_STATE',
            'IMAGE_BUSY',
            'IMAGE_DAMAGED',
            'NAME_TAKEN',
          ] as const),
          ...(['NETWORK_NOT_FOUND', 'NETWORK_INACTIVE', 'NO_SPACE', 'INSTANCE_UNSUPPORTED', 'STORE_UNUSABLE'] as const),
          ...UNLOCKING,
          ...LIBVIRT,
        ],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'instance.launch', ...request.body }),
  );

  app.delete(
    `${INSTANCES}/:instance`,
    {
      schema: { params: instanceParamsSchema, querystring: deleteInstanceQuerySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Ends an instance for good',
        errors: [...WORKING, 'INSTANCE_UNMANAGED', 'IMAGE_IN_USE', 'IMAGE_BUSY'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'instance.delete', instance: request.params.instance, ...request.query }),
  );
}

function addPowerRoutes(app: ApiApp): void {
  for (const verb of POWER_VERBS) {
    app.post(
      `${INSTANCES}/:instance/${verb}`,
      {
        schema: { params: instanceParamsSchema, body: powerBodySchema, response: { 202: operationSchema } },
        config: { isWork: true, summary: `Power: ${verb}`, errors: WORKING },
      },
      (request, reply) => submit(request, reply, { kind: `instance.${verb}`, instance: request.params.instance }),
    );
  }

  for (const verb of STOP_VERBS) {
    app.post(
      `${INSTANCES}/:instance/${verb}`,
      {
        schema: { params: instanceParamsSchema, body: stopInstanceBodySchema, response: { 202: operationSchema } },
        config: { isWork: true, summary: `Power: ${verb}, asking the guest or forcing it`, errors: WORKING },
      },
      (request, reply) =>
        submit(request, reply, { kind: `instance.${verb}`, instance: request.params.instance, ...request.body }),
    );
  }
}
