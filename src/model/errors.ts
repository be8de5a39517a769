/** Every failure that a caller can meet. The HTTP status and exit code of each stand in one table in api/error-table.ts. */
export const ERROR_CODES = [
  // the request itself
  'INVALID_REQUEST',
  // not found
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
  // conflicts: the thing is there, its state or somebody else stands against it
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
  'OPERATION_FINISHED',
  'SCHEDULE_BUSY',
  'IDEMPOTENCY_CONFLICT',
  'AGENT_RUNNING',
  // refused before anything was touched
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
  'PATH_TAKEN',
  'ENCRYPTION_KEY_MISSING',
  'ENCRYPTION_KEY_WRONG',
  'SNAPSHOT_REJECTED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'LISTEN_FAILED',
  // began, failed, rolled back
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
  // not reachable
  'LIBVIRT_UNREACHABLE',
  'AGENT_UNREACHABLE',
  'AGENT_REQUIRED',
  'AGENT_STOPPING',
  // ended on request
  'CANCELLED',
  // a fault of ours
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export type ErrorFields = Readonly<Record<string, string | number | boolean | null>>;

/**
 * A failure with a stable code. The message is for people: what failed, on what, what was seen, what to do.
 * `fields` carries the same facts for programs; never secrets.
 */
export class DarkroomError extends Error {
  override readonly name = 'DarkroomError';
  readonly code: ErrorCode;
  readonly fields: ErrorFields;

  constructor(code: ErrorCode, message: string, options: { fields?: ErrorFields; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? {};
  }
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is DarkroomError {
  return error instanceof DarkroomError && codes.includes(error.code);
}

/** What to tell of any thrown value: ours as it is, everything else as INTERNAL with its message. */
export function toDarkroomError(error: unknown): DarkroomError {
  if (error instanceof DarkroomError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new DarkroomError('INTERNAL', message, { cause: error });
}
