import { DarkroomError, type ErrorCode } from '../../model/errors.ts';
import { ERROR_CODE, LibvirtError } from './binding/libvirt-error.ts';

/** What was tried, for the message: `task` completes "libvirt could not …". */
export interface Attempt {
  readonly uri: string;
  readonly task: string;
  readonly uuid?: string;
}

/** The bitmap is missing or broken, or libvirt knows of none of that name. */
const BITMAP_GONE: readonly number[] = [ERROR_CODE.checkpointInconsistent, ERROR_CODE.noDomainCheckpoint];

/** A LibvirtError as what the port promises; everything else stays what it is. */
export function translateError(error: unknown, attempt: Attempt): unknown {
  if (!(error instanceof LibvirtError)) return error;
  if (error.isConnectionLost) return unreachable(error, attempt);
  if (error.code === ERROR_CODE.noDomain) {
    return failure('INSTANCE_NOT_FOUND', `No instance has the id ${attempt.uuid ?? '?'}: ${error.message}`, {
      error,
      attempt,
    });
  }
  if (error.code === ERROR_CODE.noNetwork) return failure('NETWORK_NOT_FOUND', error.message, { error, attempt });
  const subject = attempt.uuid === undefined ? '' : ` (instance ${attempt.uuid})`;
  const code = BITMAP_GONE.includes(error.code) ? 'CHECKPOINT_INCONSISTENT' : 'LIBVIRT_FAILED';
  return failure(code, `libvirt could not ${attempt.task}${subject}: ${error.message}`, { error, attempt });
}

/** A DarkroomError that carries libvirt's code, domain and function in its fields. */
export function failure(
  code: ErrorCode,
  message: string,
  { error, attempt }: { readonly error: LibvirtError; readonly attempt: Attempt },
): DarkroomError {
  const instance = attempt.uuid === undefined ? {} : { instance: attempt.uuid };
  const fields = { libvirtCode: error.code, libvirtDomain: error.domain, libvirtCall: error.call, ...instance };
  return new DarkroomError(code, message, { fields, cause: error });
}

function unreachable(error: LibvirtError, attempt: Attempt): DarkroomError {
  const message =
    `libvirt at ${attempt.uri} could not be reached to ${attempt.task}: ${error.message}. ` +
    'Check that libvirtd (or virtqemud) runs and that this user may connect.';
  return failure('LIBVIRT_UNREACHABLE', message, { error, attempt });
}
