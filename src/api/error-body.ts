import type { DarkroomError, ErrorCode, ErrorFields } from '../model/errors.ts';

/** How every failure looks as JSON: over HTTP and on the command line's stderr. */
export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly fields: ErrorFields };
}

export function toErrorBody({ code, message, fields }: DarkroomError): ErrorBody {
  return { error: { code, message, fields } };
}
