import { API_ROOT } from '../../api/paths.ts';
import {
  createImageBodySchema,
  exportImageBodySchema,
  imageListQuerySchema,
  imageParamsSchema,
  importImageBodySchema,
  updateImageBodySchema,
  verifyImageBodySchema,
} from '../../api/schemas/images.ts';
import type { Application } from '../../operations/application.ts';
import { type ApiApp, accept } from '../api-app.ts';

const IMAGES = `${API_ROOT}/images`;

export function addImageRoutes(app: ApiApp, application: Application): void {
  addImageRecordRoutes(app, application);
  addImageWorkRoutes(app, application);
}

function addImageRecordRoutes(app: ApiApp, { images }: Application): void {
  app.get(IMAGES, { schema: { querystring: imageListQuerySchema } }, ({ query }) => images.list(query));

  app.get(`${IMAGES}/:image`, { schema: { params: imageParamsSchema } }, ({ params }) => images.show(params.image));

  app.patch(
    `${IMAGES}/:image`,
    { schema: { params: imageParamsSchema, body: updateImageBodySchema } },
    ({ params, body: { protected: isProtected, ...changes } }) =>
      images.update(params.image, { ...changes, ...(isProtected === undefined ? {} : { isProtected }) }),
  );
}

function addImageWorkRoutes(app: ApiApp, { operations }: Application): void {
  app.post(IMAGES, { schema: { body: createImageBodySchema } }, async ({ body }, reply) =>
    accept(reply, await operations.submit({ kind: 'image.create', ...body })),
  );

  app.post(`${IMAGES}/import`, { schema: { body: importImageBodySchema } }, async ({ body }, reply) =>
    accept(reply, await operations.submit({ kind: 'image.import', ...body })),
  );

  app.post(
    `${IMAGES}/:image/export`,
    { schema: { params: imageParamsSchema, body: exportImageBodySchema } },
    async ({ params, body }, reply) =>
      accept(reply, await operations.submit({ kind: 'image.export', image: params.image, ...body })),
  );

  app.post(
    `${IMAGES}/:image/verify`,
    { schema: { params: imageParamsSchema, body: verifyImageBodySchema } },
    async ({ params, body }, reply) =>
      accept(reply, await operations.submit({ kind: 'image.verify', image: params.image, ...body })),
  );

  app.delete(`${IMAGES}/:image`, { schema: { params: imageParamsSchema } }, async ({ params }, reply) =>
    accept(reply, await operations.submit({ kind: 'image.delete', image: params.image })),
  );
}
