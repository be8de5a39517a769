import type { ErrorCode } from '../model/errors.ts';

/** What the command line ends with; the classes are those of the command reference. */
export const EXIT_CODES = {
  done: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  conflict: 4,
  refused: 5,
  failed: 6,
  unreachable: 7,
  cancelled: 130,
} as const;

export interface ErrorRow {
  readonly httpStatus: number;
  readonly exitCode: number;
}

const invalid = { httpStatus: 400, exitCode: EXIT_CODES.usage };
const notFound = { httpStatus: 404, exitCode: EXIT_CODES.notFound };
const conflict = { httpStatus: 409, exitCode: EXIT_CODES.conflict };
const refused = { httpStatus: 422, exitCode: EXIT_CODES.refused };
const failed = { httpStatus: 500, exitCode: EXIT_CODES.failed };
const unreachable = { httpStatus: 503, exitCode: EXIT_CODES.unreachable };

/** The one place that says how a failure looks over HTTP and as an exit code. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = {
  INVALID_REQUEST: invalid,

  INSTANCE_NOT_FOUND: notFound,
  IMAGE_NOT_FOUND: notFound,
  VOLUME_NOT_FOUND: notFound,
  SNAPSHOT_NOT_FOUND: notFound,
  OPERATION_NOT_FOUND: notFound,
  PRINCIPAL_NOT_FOUND: notFound,
  SCHEDULE_NOT_FOUND: notFound,
  HOST_NOT_FOUND: notFound,
  STORE_NOT_FOUND: notFound,
  NETWORK_NOT_FOUND: notFound,
  ROUTE_NOT_FOUND: notFound,

  AMBIGUOUS_NAME: conflict,
  NAME_TAKEN: conflict,
  INSTANCE_BUSY: conflict,
  INSTANCE_STATE: conflict,
  INSTANCE_FROZEN: conflict,
  IMAGE_BUSY: conflict,
  IMAGE_STATE: conflict,
  IMAGE_IN_USE: conflict,
  IMAGE_PROTECTED: conflict,
  VOLUME_BUSY: conflict,
  SNAPSHOT_BUSY: conflict,
  SNAPSHOT_STATE: conflict,
  OPERATION_FINISHED: conflict,
  SCHEDULE_BUSY: conflict,
  IDEMPOTENCY_CONFLICT: conflict,
  AGENT_RUNNING: conflict,

  NO_SPACE: { httpStatus: 507, exitCode: EXIT_CODES.refused },
  QUOTA_EXCEEDED: { httpStatus: 403, exitCode: EXIT_CODES.refused },
  QUIESCE_UNAVAILABLE: refused,
  NO_DISKS: refused,
  DISK_MISSING: refused,
  DISK_UNSUPPORTED: refused,
  NETWORK_INACTIVE: refused,
  INSTANCE_UNSUPPORTED: refused,
  INSTANCE_UNMANAGED: refused,
  INTERNAL_SNAPSHOTS: refused,
  IMAGE_REJECTED: refused,
  STORE_UNUSABLE: { httpStatus: 503, exitCode: EXIT_CODES.refused },
  IMAGE_SERVICE_UNUSABLE: { httpStatus: 503, exitCode: EXIT_CODES.refused },
  TOOL_MISSING: refused,
  UNAUTHENTICATED: { httpStatus: 401, exitCode: EXIT_CODES.refused },
  FORBIDDEN: { httpStatus: 403, exitCode: EXIT_CODES.refused },
  TOO_MANY_REQUESTS: { httpStatus: 429, exitCode: EXIT_CODES.conflict },
  LISTEN_FAILED: refused,
  PATH_TAKEN: conflict,
  ENCRYPTION_KEY_MISSING: refused,
  ENCRYPTION_KEY_WRONG: refused,
  SNAPSHOT_REJECTED: refused,
  PATH_NOT_ALLOWED: { httpStatus: 403, exitCode: EXIT_CODES.refused },

  IMAGE_DAMAGED: failed,
  SHELF_DAMAGED: failed,
  SNAPSHOT_DAMAGED: failed,
  BACKUP_FAILED: failed,
  CHECKPOINT_INCONSISTENT: failed,
  VERIFY_FAILED: failed,
  GENERALIZE_FAILED: failed,
  COPY_FAILED: failed,
  STORE_WRITE_FAILED: failed,
  IMAGE_SERVICE_FAILED: failed,
  COMMIT_FAILED: failed,
  FREEZE_FAILED: failed,
  AGENT_UNRESPONSIVE: failed,
  SHUTDOWN_TIMEOUT: failed,
  LIBVIRT_FAILED: failed,
  QEMU_IMG_FAILED: failed,
  COMMAND_FAILED: failed,
  OPERATION_INTERRUPTED: failed,
  NOTIFY_FAILED: failed,

  LIBVIRT_UNREACHABLE: unreachable,
  AGENT_UNREACHABLE: unreachable,
  AGENT_REQUIRED: unreachable,
  AGENT_STOPPING: unreachable,

  CANCELLED: { httpStatus: 409, exitCode: EXIT_CODES.cancelled },
  INTERNAL: { httpStatus: 500, exitCode: EXIT_CODES.unexpected },
};
