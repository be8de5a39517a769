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
import { type ApiApp, accept } from '../api-app.ts';

const IMAGES = `${API_ROOT}/images`;

export function addImageRoutes(app: ApiApp): void {
  addImageRecordRoutes(app);
  addImageWorkRoutes(app);
}

function addImageRecordRoutes(app: ApiApp): void {
  app.get(IMAGES, { schema: { querystring: imageListQuerySchema } }, ({ application, query }) =>
    application.images.list(query),
  );

  app.get(`${IMAGES}/:image`, { schema: { params: imageParamsSchema } }, ({ application, params }) =>
    application.images.show(params.image),
  );

  app.patch(
    `${IMAGES}/:image`,
    { schema: { params: imageParamsSchema, body: updateImageBodySchema } },
    ({ application, params, body: { protected: isProtected, ...changes } }) =>
      application.images.update(params.image, { ...changes, ...(isProtected === undefined ? {} : { isProtected }) }),
  );
}

function addImageWorkRoutes(app: ApiApp): void {
  app.post(IMAGES, { schema: { body: createImageBodySchema } }, async ({ application, body }, reply) =>
    accept(reply, await application.operations.submit({ kind: 'image.create', ...body })),
  );

  app.post(`${IMAGES}/import`, { schema: { body: importImageBodySchema } }, async ({ application, body }, reply) =>
    accept(reply, await application.operations.submit({ kind: 'image.import', ...body })),
  );

  app.post(
    `${IMAGES}/:image/export`,
    { schema: { params: imageParamsSchema, body: exportImageBodySchema } },
    async ({ application, params, body }, reply) =>
      accept(reply, await application.operations.submit({ kind: 'image.export', image: params.image, ...body })),
  );

  app.post(
    `${IMAGES}/:image/verify`,
    { schema: { params: imageParamsSchema, body: verifyImageBodySchema } },
    async ({ application, params, body }, reply) =>
      accept(reply, await application.operations.submit({ kind: 'image.verify', image: params.image, ...body })),
  );

  app.delete(`${IMAGES}/:image`, { schema: { params: imageParamsSchema } }, async ({ application, params }, reply) =>
    accept(reply, await application.operations.submit({ kind: 'image.delete', image: params.image })),
  );
}
