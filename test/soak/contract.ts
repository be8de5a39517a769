import type { ErrorCode } from '../../src/model/errors.ts';
import type { Ending } from './see-through.ts';

/** Two clients want the same thing, or it is in no state for it. */
const CONFLICTS: readonly ErrorCode[] = [
  'INSTANCE_BUSY',
  'INSTANCE_STATE',
  'IMAGE_BUSY',
  'IMAGE_STATE',
  'IMAGE_IN_USE',
];
/** Somebody else deleted it. */
const GONE: readonly ErrorCode[] = ['IMAGE_NOT_FOUND', 'INSTANCE_NOT_FOUND'];
/** Said by an operation that began and was put right again. */
const FAILURES: readonly ErrorCode[] = ['LIBVIRT_UNREACHABLE', 'SHUTDOWN_TIMEOUT', ...CONFLICTS, ...GONE];

/** What is wrong with how an operation ended; null where a client was promised that it may end so. */
export function judgeEnding(ending: Ending): string | null {
  if (ending.kind === 'refused') {
    return [...CONFLICTS, ...GONE].includes(ending.code) ? null : `refused with ${ending.code}: ${ending.message}`;
  }
  const { status, error, id } = ending.operation;
  const code = error?.code;
  const seen = `operation ${id} ${status} with ${code}: ${error?.message}`;
  switch (status) {
    case 'succeeded':
      return code === undefined ? null : seen;
    case 'cancelled':
      return code === 'CANCELLED' ? null : seen;
    case 'interrupted':
      return code === 'OPERATION_INTERRUPTED' || code === 'LIBVIRT_UNREACHABLE' ? null : seen;
    case 'failed':
      return code !== undefined && FAILURES.includes(code) ? null : seen;
    case 'running':
      return seen;
    default:
      return status satisfies never;
  }
}

export function describeEnding(ending: Ending): string {
  if (ending.kind === 'refused') return `refused (${ending.code})`;
  const { status, error } = ending.operation;
  return status === 'succeeded' || status === 'cancelled' ? status : `${status} (${error?.code})`;
}
