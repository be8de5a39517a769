import { API_ROOT } from '../../api/paths.ts';
import { listOf, nothingSchema } from '../../api/schemas/answers.ts';
import { requireGiven } from '../../api/schemas/retention.ts';
import {
  createScheduleBodySchema,
  scheduleParamsSchema,
  scheduleRunSchema,
  scheduleRunsQuerySchema,
  scheduleSchema,
  updateScheduleBodySchema,
} from '../../api/schemas/schedules.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';

const SCHEDULES = `${API_ROOT}/schedules`;
const FINDING: readonly ErrorCode[] = ['SCHEDULE_NOT_FOUND', 'AMBIGUOUS_NAME'];
const SELECTING: readonly ErrorCode[] = [
  ...(['INSTANCE_NOT_FOUND', 'STORE_UNUSABLE', 'LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'] as const),
];

/** Rules by which the agent of this host makes backups by itself. */
export function addScheduleRoutes(app: ApiApp): void {
  app.get(
    SCHEDULES,
    {
      schema: { response: { 200: listOf(scheduleSchema) } },
      config: { summary: "Schedules of the caller, everybody's for an admin, oldest first" },
    },
    ({ application }) => application.schedules.list(),
  );

  app.post(
    SCHEDULES,
    {
      schema: { body: createScheduleBodySchema, response: { 201: scheduleSchema } },
      config: {
        summary: 'A new schedule, which the agent follows from now on',
        errors: ['AMBIGUOUS_NAME', ...SELECTING],
      },
    },
    async ({ application, body }, reply) => {
      const { type, rotation: _rotation, keep: _keep, ...rest } = body;
      const request = { ...rest, backupType: type, retention: requireGiven(body) };
      return reply.code(201).send(await application.schedules.create(request));
    },
  );

  addScheduleRecordRoutes(app);
  addScheduleRunRoutes(app);
}

function addScheduleRecordRoutes(app: ApiApp): void {
  app.get(
    `${SCHEDULES}/:schedule`,
    {
      schema: { params: scheduleParamsSchema, response: { 200: scheduleSchema } },
      config: { summary: 'One schedule', errors: FINDING },
    },
    ({ application, params }) => application.schedules.show(params.schedule),
  );

  app.patch(
    `${SCHEDULES}/:schedule`,
    {
      schema: { params: scheduleParamsSchema, body: updateScheduleBodySchema, response: { 200: scheduleSchema } },
      config: { summary: 'Pauses a schedule or lets it go on', errors: FINDING },
    },
    ({ application, params, body }) => application.schedules.setPaused(params.schedule, body.isPaused),
  );

  app.delete(
    `${SCHEDULES}/:schedule`,
    {
      schema: { params: scheduleParamsSchema, response: { 204: nothingSchema } },
      config: { summary: 'No backup is made by it any more; those that it made stay', errors: FINDING },
    },
    async ({ application, params }, reply) => {
      await application.schedules.delete(params.schedule);
      return reply.code(204).send(null);
    },
  );
}

function addScheduleRunRoutes(app: ApiApp): void {
  app.post(
    `${SCHEDULES}/:schedule/run`,
    {
      schema: { params: scheduleParamsSchema, response: { 200: listOf(scheduleRunSchema) } },
      config: {
        summary: 'A run of now for each of its instances, which the agent begins',
        errors: [...FINDING, ...SELECTING, 'SCHEDULE_BUSY'],
      },
    },
    ({ application, params }) => application.schedules.run(params.schedule),
  );

  app.get(
    `${SCHEDULES}/:schedule/runs`,
    {
      schema: {
        params: scheduleParamsSchema,
        querystring: scheduleRunsQuerySchema,
        response: { 200: listOf(scheduleRunSchema) },
      },
      config: { summary: 'What became of its runs, newest first', errors: FINDING },
    },
    ({ application, params, query }) => application.schedules.listRuns(params.schedule, query),
  );
}
