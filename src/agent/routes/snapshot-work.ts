import { API_ROOT } from '../../api/paths.ts';
import { operationSchema } from '../../api/schemas/operations.ts';
import {
  copySnapshotBodySchema,
  createSnapshotBodySchema,
  mountSnapshotBodySchema,
  restoreSnapshotBodySchema,
  snapshotFileBodySchema,
  snapshotParamsSchema,
  verifySnapshotBodySchema,
} from '../../api/schemas/snapshots.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { submit } from '../submit.ts';
import { CAPTURING, READING_SNAPSHOT } from './images.ts';
import { CHANGING_SNAPSHOT, FINDING_SNAPSHOT } from './snapshots.ts';

const SNAPSHOTS = `${API_ROOT}/snapshots`;
const SNAPSHOT = `${SNAPSHOTS}/:snapshot`;
const READING: readonly ErrorCode[] = [...FINDING_SNAPSHOT, ...READING_SNAPSHOT];
const accepted = { 202: operationSchema };

/** What takes snapshots, reads them and takes them away. */
export function addSnapshotWorkRoutes(app: ApiApp): void {
  addChangingRoutes(app);
  addReadingRoutes(app);
  addTransferRoutes(app);
}

function addChangingRoutes(app: ApiApp): void {
  app.post(
    SNAPSHOTS,
    {
      schema: { body: createSnapshotBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Takes a snapshot of a volume, or of all volumes of an instance at one instant',
        errors: [...CAPTURING, 'VOLUME_NOT_FOUND', 'VOLUME_BUSY', 'ENCRYPTION_KEY_MISSING'],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'snapshot.create', ...request.body }),
  );

  app.post(
    `${SNAPSHOT}/restore`,
    {
      schema: { params: snapshotParamsSchema, body: restoreSnapshotBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Gives its volume, of an instance that is off, the content of then',
        errors: [...READING, 'VOLUME_NOT_FOUND', 'INSTANCE_STATE', 'INSTANCE_BUSY', 'DISK_UNSUPPORTED', 'NO_SPACE'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'snapshot.restore', snapshot: request.params.snapshot, ...request.body }),
  );

  app.delete(
    SNAPSHOT,
    {
      schema: { params: snapshotParamsSchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Deletes a snapshot; what others need of it moves into them',
        errors: [...CHANGING_SNAPSHOT, 'NO_SPACE', 'ENCRYPTION_KEY_MISSING'],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'snapshot.delete', snapshot: request.params.snapshot }),
  );
}

function addReadingRoutes(app: ApiApp): void {
  app.post(
    `${SNAPSHOT}/verify`,
    {
      schema: { params: snapshotParamsSchema, body: verifySnapshotBodySchema, response: accepted },
      config: { isWork: true, summary: 'Reads a snapshot again and checks it', errors: READING },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'snapshot.verify', snapshot: request.params.snapshot, ...request.body }),
  );

  app.post(
    `${SNAPSHOT}/mount`,
    {
      schema: { params: snapshotParamsSchema, body: mountSnapshotBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Serves a snapshot read-only until the operation is cancelled',
        errors: [...READING, 'PATH_NOT_ALLOWED', 'TOOL_MISSING'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'snapshot.mount', snapshot: request.params.snapshot, ...request.body }),
  );
}

function addTransferRoutes(app: ApiApp): void {
  app.post(
    `${SNAPSHOT}/export`,
    {
      schema: { params: snapshotParamsSchema, body: snapshotFileBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Writes a snapshot, with all that it stands on, to one file of the host',
        errors: [...READING, 'PATH_NOT_ALLOWED', 'PATH_TAKEN', 'NO_SPACE'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'snapshot.export', snapshot: request.params.snapshot, ...request.body }),
  );

  app.post(
    `${SNAPSHOTS}/import`,
    {
      schema: { body: snapshotFileBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Takes in the snapshots of an exported file',
        errors: [
          'SNAPSHOT_REJECTED',
          'PATH_NOT_ALLOWED',
          'VOLUME_BUSY',
          'NO_SPACE',
          'QUOTA_EXCEEDED',
          'STORE_UNUSABLE',
        ],
      },
    },
    (request, reply) => submit(request, reply, { kind: 'snapshot.import', ...request.body }),
  );

  app.post(
    `${SNAPSHOT}/copy`,
    {
      schema: { params: snapshotParamsSchema, body: copySnapshotBodySchema, response: accepted },
      config: {
        isWork: true,
        summary: 'Copies a snapshot, with all that it stands on, to another store',
        errors: [...READING, 'STORE_NOT_FOUND', 'PATH_NOT_ALLOWED', 'VOLUME_BUSY', 'NO_SPACE'],
      },
    },
    (request, reply) =>
      submit(request, reply, { kind: 'snapshot.copy', snapshot: request.params.snapshot, ...request.body }),
  );
}
