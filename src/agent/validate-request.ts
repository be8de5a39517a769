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

/** In the place of fastify's own compilers of JSON schemas: those take longer to load than everything of ours. */
export const NO_COMPILERS = { compilersFactory: { buildValidator: unused, buildSerializer: unused } };

function unused(): never {
  throw new Error('schemas are zod schemas');
}
