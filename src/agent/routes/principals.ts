import { API_ROOT } from '../../api/paths.ts';
import { listOf, nothingSchema } from '../../api/schemas/answers.ts';
import {
  auditEventSchema,
  auditQuerySchema,
  createPrincipalBodySchema,
  principalParamsSchema,
  principalSchema,
  principalWithTokenSchema,
} from '../../api/schemas/principals.ts';
import type { ApiApp } from '../api-app.ts';

const PRINCIPALS = `${API_ROOT}/principals`;

/** Who may speak to this host, and what was asked of it. */
export function addPrincipalRoutes(app: ApiApp): void {
  app.get(
    PRINCIPALS,
    {
      schema: { response: { 200: listOf(principalSchema) } },
      config: { needs: 'admin', summary: 'Principals of this host, by name' },
    },
    ({ application }) => application.principals.list(),
  );

  addTokenRoutes(app);

  app.delete(
    `${PRINCIPALS}/:name`,
    {
      schema: { params: principalParamsSchema, response: { 204: nothingSchema } },
      config: { needs: 'admin', summary: 'From now on it is nobody', errors: ['PRINCIPAL_NOT_FOUND'] },
    },
    async ({ application, params }, reply) => {
      await application.principals.delete(params.name);
      return reply.code(204).send(null);
    },
  );

  app.get(
    `${API_ROOT}/audit`,
    {
      schema: { querystring: auditQuerySchema, response: { 200: listOf(auditEventSchema) } },
      config: { summary: 'What was asked to be changed, newest first' },
    },
    ({ application, query }) => application.audit.list(query),
  );
}

function addTokenRoutes(app: ApiApp): void {
  app.post(
    PRINCIPALS,
    {
      schema: { body: createPrincipalBodySchema, response: { 201: principalWithTokenSchema } },
      config: { needs: 'admin', summary: 'A new principal, with its token', errors: ['NAME_TAKEN'] },
    },
    async ({ application, body }, reply) => {
      const made = await application.principals.create(body);
      return reply.code(201).header('cache-control', 'no-store').send(made);
    },
  );

  app.post(
    `${PRINCIPALS}/:name/token`,
    {
      schema: { params: principalParamsSchema, response: { 200: principalWithTokenSchema } },
      config: { needs: 'admin', summary: 'A new token in the place of the old one', errors: ['PRINCIPAL_NOT_FOUND'] },
    },
    async ({ application, params }, reply) => {
      const renewed = await application.principals.renewToken(params.name);
      return reply.header('cache-control', 'no-store').send(renewed);
    },
  );
}
