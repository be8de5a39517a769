import { type ErrorCode, hasCode } from '../../../model/errors.ts';

/** Why a record is broken: in the words of the error that found it damaged, if it is that. */
export function damageReason(
  error: unknown,
  { code, otherwise }: { readonly code: ErrorCode; readonly otherwise: string },
): string {
  const reason = hasCode(error, code) ? error.fields['reason'] : null;
  return typeof reason === 'string' ? reason : otherwise;
}
