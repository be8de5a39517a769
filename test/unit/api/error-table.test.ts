import { describe, expect, it } from 'vitest';
import { ERROR_TABLE } from '../../../src/api/error-table.ts';
import { ERROR_CODES, type ErrorCode } from '../../../src/model/errors.ts';

const EXIT_CODES: Readonly<Record<number, readonly ErrorCode[]>> = {
  1: ['INTERNAL'],
  2: ['INVALID_REQUEST'],
  3: [
    'INSTANCE_NOT_FOUND',
    'IMAGE_NOT_FOUND',
    'VOLUME_NOT_FOUND',
    'SNAPSHOT_NOT_FOUND',
    'OPERATION_NOT_FOUND',
    'PRINCIPAL_NOT_FOUND',
    'SCHEDULE_NOT_FOUND',
    'HOST_NOT_FOUND',
    'STORE_NOT_FOUND',
    'NETWORK_NOT_FOUND',
    'ROUTE_NOT_FOUND',
  ],
  4: [
    'AMBIGUOUS_NAME',
    'NAME_TAKEN',
    'INSTANCE_BUSY',
    'INSTANCE_STATE',
    'INSTANCE_FROZEN',
    'IMAGE_BUSY',
    'IMAGE_STATE',
    'IMAGE_IN_USE',
    'IMAGE_PROTECTED',
    'VOLUME_BUSY',
    'SNAPSHOT_BUSY',
    'SNAPSHOT_STATE',
    'PATH_TAKEN',
    'OPERATION_FINISHED',
    'SCHEDULE_BUSY',
    'IDEMPOTENCY_CONFLICT',
    'AGENT_RUNNING',
    'TOO_MANY_REQUESTS',
  ],
  5: [
    'NO_SPACE',
    'QUOTA_EXCEEDED',
    'QUIESCE_UNAVAILABLE',
    'NO_DISKS',
    'DISK_MISSING',
    'DISK_UNSUPPORTED',
    'NETWORK_INACTIVE',
    'INSTANCE_UNSUPPORTED',
    'INSTANCE_UNMANAGED',
    'INTERNAL_SNAPSHOTS',
    'IMAGE_REJECTED',
    'STORE_UNUSABLE',
    'IMAGE_SERVICE_UNUSABLE',
    'TOOL_MISSING',
    'PATH_NOT_ALLOWED',
    'ENCRYPTION_KEY_MISSING',
    'ENCRYPTION_KEY_WRONG',
    'SNAPSHOT_REJECTED',
    'LISTEN_FAILED',
    'UNAUTHENTICATED',
    'FORBIDDEN',
  ],
  6: [
    'IMAGE_DAMAGED',
    'SHELF_DAMAGED',
    'SNAPSHOT_DAMAGED',
    'BACKUP_FAILED',
    'CHECKPOINT_INCONSISTENT',
    'VERIFY_FAILED',
    'GENERALIZE_FAILED',
    'COPY_FAILED',
    'STORE_WRITE_FAILED',
    'IMAGE_SERVICE_FAILED',
    'COMMIT_FAILED',
    'FREEZE_FAILED',
    'AGENT_UNRESPONSIVE',
    'SHUTDOWN_TIMEOUT',
    'LIBVIRT_FAILED',
    'QEMU_IMG_FAILED',
    'COMMAND_FAILED',
    'OPERATION_INTERRUPTED',
    'NOTIFY_FAILED',
  ],
  7: ['LIBVIRT_UNREACHABLE', 'AGENT_UNREACHABLE', 'AGENT_REQUIRED', 'AGENT_STOPPING'],
  130: ['CANCELLED'],
};

const STATUS_CLASSES: Readonly<Record<number, readonly number[]>> = {
  1: [500],
  2: [400],
  3: [404],
  4: [409, 429],
  5: [401, 403, 422, 503, 507],
  6: [500],
  7: [503],
  130: [409],
};

const rows = Object.entries(EXIT_CODES).flatMap(([exitCode, codes]) =>
  codes.map((code) => ({ code, exitCode: Number(exitCode) })),
);

describe('the error table', () => {
  it.each(rows)('ends $code with exit code $exitCode and a fitting status', ({ code, exitCode }) => {
    expect(ERROR_TABLE[code].exitCode).toBe(exitCode);
    expect(STATUS_CLASSES[exitCode]).toContain(ERROR_TABLE[code].httpStatus);
  });

  it('knows every code there is', () => {
    expect(rows.map(({ code }) => code).sort()).toEqual([...ERROR_CODES].sort());
  });
});
