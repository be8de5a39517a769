import swagger from '@fastify/swagger';
import fastify, { type RouteOptions } from 'fastify';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { createNamedSchemas } from '../../api/schemas/named-schemas.ts';
import { NO_COMPILERS } from '../validate-request.ts';
import { describeRoute } from './describe-route.ts';
import { finishDocument, type Json } from './finish-document.ts';

/** The OpenAPI document of those routes. Made aside, of routes that do nothing: an agent that is not asked for it pays nothing. */
export async function buildDocument(routes: readonly RouteOptions[], version: string): Promise<Json> {
  const app = fastify({ exposeHeadRoutes: false, schemaController: NO_COMPILERS });
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  const schemaRegistry = createNamedSchemas();
  const toJson = createJsonSchemaTransform({ schemaRegistry });
  await app.register(swagger, {
    openapi: describeApi(version),
    convertConstToEnum: false,
    transform: (seen) => {
      const { schema, url } = toJson(seen);
      return { schema: describeRoute(seen.route, schema), url };
    },
    transformObject: createJsonSchemaTransformObject({ schemaRegistry }),
  });
  for (const { method, url, schema = {}, config } of routes) {
    app.route({ method, url, schema, ...(config === undefined ? {} : { config }), handler: () => undefined });
  }
  await app.ready();
  return finishDocument({ ...app.swagger() });
}

function describeApi(version: string) {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Darkroom',
      version,
      description:
        'Instances, images and their operations on one KVM host. Long work is answered with 202 and an operation.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
  };
}
