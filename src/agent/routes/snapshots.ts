import { API_ROOT } from '../../api/paths.ts';
import { listOf } from '../../api/schemas/answers.ts';
import {
  shareSnapshotBodySchema,
  snapshotDeletionSchema,
  snapshotLinkSchema,
  snapshotListQuerySchema,
  snapshotParamsSchema,
  snapshotSchema,
  snapshotShareParamsSchema,
} from '../../api/schemas/snapshots.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';

const SNAPSHOTS = `${API_ROOT}/snapshots`;
const SNAPSHOT = `${SNAPSHOTS}/:snapshot`;
export const FINDING_SNAPSHOT: readonly ErrorCode[] = ['SNAPSHOT_NOT_FOUND', 'AMBIGUOUS_NAME', 'STORE_UNUSABLE'];
/** Whatever changes the snapshots of a volume. */
export const CHANGING_SNAPSHOT: readonly ErrorCode[] = [
  ...FINDING_SNAPSHOT,
  ...(['VOLUME_BUSY', 'SNAPSHOT_BUSY', 'SNAPSHOT_DAMAGED'] as const),
];

/** Points in time of volumes, and who sees them. */
export function addSnapshotRoutes(app: ApiApp): void {
  addRecordRoutes(app);
  addShareRoutes(app);
}

function addRecordRoutes(app: ApiApp): void {
  app.get(
    SNAPSHOTS,
    {
      schema: { querystring: snapshotListQuerySchema, response: { 200: listOf(snapshotSchema) } },
      config: {
        summary: 'Snapshots that the caller may see, oldest first',
        errors: ['VOLUME_NOT_FOUND', 'INSTANCE_NOT_FOUND', 'AMBIGUOUS_NAME', 'STORE_UNUSABLE', 'LIBVIRT_UNREACHABLE'],
      },
    },
    (request, reply) => answerPage(request, reply, request.application.snapshots.list),
  );

  app.get(
    SNAPSHOT,
    {
      schema: { params: snapshotParamsSchema, response: { 200: snapshotSchema } },
      config: { summary: 'One snapshot', errors: FINDING_SNAPSHOT },
    },
    ({ application, params }) => application.snapshots.show(params.snapshot),
  );

  app.get(
    `${SNAPSHOT}/chain`,
    {
      schema: { params: snapshotParamsSchema, response: { 200: listOf(snapshotLinkSchema) } },
      config: {
        summary: 'All that a snapshot stands on, from below, itself, and its children',
        errors: FINDING_SNAPSHOT,
      },
    },
    ({ application, params }) => application.snapshots.showChain(params.snapshot),
  );

  app.post(
    `${SNAPSHOT}/plan-delete`,
    {
      schema: { params: snapshotParamsSchema, response: { 200: snapshotDeletionSchema } },
      config: {
        needs: 'reader',
        summary: 'What deleting it would do and free; nothing is done',
        errors: [...FINDING_SNAPSHOT, 'SNAPSHOT_DAMAGED'],
      },
    },
    ({ application, params }) => application.snapshots.planDelete(params.snapshot),
  );
}

function addShareRoutes(app: ApiApp): void {
  app.put(
    `${SNAPSHOT}/shares/:principal`,
    {
      schema: { params: snapshotShareParamsSchema, body: shareSnapshotBodySchema, response: { 200: snapshotSchema } },
      config: { summary: 'Somebody else sees it and may make volumes and images of it', errors: CHANGING_SNAPSHOT },
    },
    ({ application, params: { snapshot, principal }, body }) =>
      application.snapshots.share(snapshot, { principal, expiresAt: body.expiresAt }),
  );

  app.delete(
    `${SNAPSHOT}/shares/:principal`,
    {
      schema: { params: snapshotShareParamsSchema, response: { 200: snapshotSchema } },
      config: {
        summary: 'It is shared with that principal no more',
        errors: [...CHANGING_SNAPSHOT, 'PRINCIPAL_NOT_FOUND'],
      },
    },
    ({ application, params: { snapshot, principal } }) => application.snapshots.unshare(snapshot, principal),
  );
}
