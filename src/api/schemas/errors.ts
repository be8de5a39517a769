import { z } from 'zod';
import { DarkroomError, ERROR_CODES } from '../../model/errors.ts';

export const errorBodySchema = z.object({
  error: z.object({
    code: z.enum(ERROR_CODES),
    message: z.string(),
    fields: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  }),
});
export type ErrorBody = z.output<typeof errorBodySchema>;

export function toErrorBody(error: DarkroomError): ErrorBody {
  return { error: { code: error.code, message: error.message, fields: { ...error.fields } } };
}

/** INVALID_REQUEST that names the first field at fault; never the value, which may be a secret. */
export function invalidRequest(error: z.core.$ZodError): DarkroomError {
  const [issue] = error.issues;
  if (issue === undefined) return new DarkroomError('INVALID_REQUEST', 'The request is not valid.');
  const field = nameField(issue);
  const message = field === '' ? `The request ${issue.message}` : `${field}: ${issue.message}`;
  return new DarkroomError('INVALID_REQUEST', message, { fields: { field: field === '' ? null : field } });
}

function nameField(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') path.push(issue.keys[0] ?? '');
  return path.join('.');
}
