import { z } from 'zod';
import { ROLES } from '../../model/access.ts';
import type { AuditEvent } from '../../model/ports/audit.ts';
import type { Principal } from '../../model/ports/principals.ts';
import { principalNameSchema, referenceSchema } from './names.ts';
import { limitSchema } from './pages.ts';

const DEFAULT_AUDIT_EVENTS = 100;

export const principalParamsSchema = z.object({ name: referenceSchema });

export const createPrincipalBodySchema = z.strictObject({
  name: principalNameSchema,
  role: z.enum(ROLES),
  /** False: it is known by its client certificate. */
  hasToken: z.boolean().default(true),
});
export type CreatePrincipalBody = z.input<typeof createPrincipalBodySchema>;

export const principalSchema: z.ZodType<Principal> = z.object({
  name: z.string(),
  role: z.enum(ROLES),
  createdAt: z.string(),
  hasToken: z.boolean(),
});

/** A principal with its bearer token, which is told this once; null for one that is known by its certificate. */
export interface PrincipalWithToken {
  readonly principal: Principal;
  readonly token: string | null;
}

export const principalWithTokenSchema: z.ZodType<PrincipalWithToken> = z.object({
  principal: principalSchema,
  token: z.string().nullable(),
});

export const auditQuerySchema = z.strictObject({ limit: limitSchema.default(DEFAULT_AUDIT_EVENTS) });

export const auditEventSchema: z.ZodType<AuditEvent> = z.object({
  at: z.string(),
  principal: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  httpStatus: z.number(),
  errorCode: z.string().nullable(),
  operationId: z.string().nullable(),
});
