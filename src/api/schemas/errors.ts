import { z } from 'zod';
import { DarkroomError, ERROR_CODES } from '../../model/errors.ts';
import type { ErrorBody } from '../error-body.ts';

export const errorBodySchema: z.ZodType<ErrorBody> = z.object({
  error: z.object({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
});
/** INVALID_REQUEST that names the first field at fault; never the value, which may be a secret. */
export function invalidRequest(error: z.core.$ZodError): DarkroomError {
  const [issue] = error.issues;
  if (issue === undefined) return new DarkroomError('INVALID_REQUEST', 'The request is not valid.');
  const field = nameField(issue);
  const message = field === '' ? `The request is not valid: ${issue.message}` : `${field}: ${issue.message}`;
  return new DarkroomError('INVALID_REQUEST', message, { fields: { field: field === '' ? null : field } });
}

function nameField(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') path.push(issue.keys[0] ?? '');
  return path.join('.');
}
