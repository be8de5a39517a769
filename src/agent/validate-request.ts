import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { invalidRequest } from '../api/schemas/errors.ts';

/** Checks every part of a request against its zod schema; what fails is INVALID_REQUEST with its field named. */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema }) => {
  return (data: unknown) => {
    const parsed = schema.safeParse(data);
    return parsed.success ? { value: parsed.data } : { error: invalidRequest(parsed.error) };
  };
};
