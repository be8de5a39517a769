import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import {
  backupListQuerySchema,
  backupPlanSchema,
  backupSchema,
  backupStatusQuerySchema,
  backupStatusSchema,
  createBackupBodySchema,
  planBackupsBodySchema,
} from '../../api/schemas/backups.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import { requireGiven, toRetention } from '../../api/schemas/retention.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';
import { submit } from '../submit.ts';
import { CAPTURING } from './images.ts';

const BACKUPS = `${API_ROOT}/backups`;
/** Whatever looks for the backups of an instance may meet these. */
const LOOKING: readonly ErrorCode[] = [
  ...(['INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'STORE_UNUSABLE'] as const),
  ...(['LIBVIRT_UNREACHABLE', 'LIBVIRT_FAILED'] as const),
];

/** Images that are made under a type and go by a rule. */
export function addBackupRoutes(app: ApiApp): void {
  app.post(
    BACKUPS,
    {
      schema: { body: createBackupBodySchema, response: { 202: operationSchema } },
      config: {
        isWork: true,
        summary: 'Captures an instance as a backup, and lets go what its rule no longer keeps',
        errors: CAPTURING,
      },
    },
    (request, reply) => {
      const { type, rotation: _rotation, keep: _keep, ...capture } = request.body;
      const retention = requireGiven(request.body);
      return submit(request, reply, { kind: 'backup.create', ...capture, backupType: type, retention });
    },
  );

  app.get(
    BACKUPS,
    {
      schema: { querystring: backupListQuerySchema, response: { 200: listOf(backupSchema) } },
      config: { summary: 'Backups that the caller may see, newest first, and what keeps each', errors: LOOKING },
    },
    (request, reply) =>
      answerPage(request, reply, ({ type, ...filter }) =>
        request.application.backups.list({ ...filter, ...(type === undefined ? {} : { backupType: type }) }),
      ),
  );

  addOverviewRoutes(app);
}

function addOverviewRoutes(app: ApiApp): void {
  app.post(
    `${BACKUPS}/plan`,
    {
      schema: { body: planBackupsBodySchema, response: { 200: listOf(backupPlanSchema) } },
      config: {
        needs: 'reader',
        summary: 'What a rule would keep and what would go; nothing is done',
        errors: LOOKING,
      },
    },
    ({ application, body: { instance, type, ...rule } }) =>
      application.backups.plan({
        ...(instance === undefined ? {} : { instance }),
        ...(type === undefined ? {} : { backupType: type }),
        retention: toRetention(rule),
      }),
  );

  app.get(
    `${BACKUPS}/status`,
    {
      schema: { querystring: backupStatusQuerySchema, response: { 200: listOf(backupStatusSchema) } },
      config: { summary: 'How well each instance is backed up', errors: LOOKING },
    },
    ({ application, query }) => application.backups.status(query),
  );
}
