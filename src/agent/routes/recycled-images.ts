import { API_ROOT } from '../../api/paths.ts';
import { listOf, nothingSchema } from '../../api/schemas/answers.ts';
import {
  imageParamsSchema,
  imageSchema,
  recycledImageListQuerySchema,
  recycledImageSchema,
} from '../../api/schemas/images.ts';
import type { ErrorCode } from '../../model/errors.ts';
import type { ApiApp } from '../api-app.ts';
import { answerPage } from '../paged-list.ts';

const RECYCLED = `${API_ROOT}/recycled-images`;
const FINDING: readonly ErrorCode[] = ['IMAGE_NOT_FOUND', 'AMBIGUOUS_NAME', 'IMAGE_BUSY', 'STORE_UNUSABLE'];

/** Deleted images, as long as they can be brought back. */
export function addRecycledImageRoutes(app: ApiApp): void {
  app.get(
    RECYCLED,
    {
      schema: { querystring: recycledImageListQuerySchema, response: { 200: listOf(recycledImageSchema) } },
      config: {
        summary: "Deleted images of the caller's own that can be brought back, last deleted first",
        errors: ['STORE_UNUSABLE'],
      },
    },
    (request, reply) => answerPage(request, reply, request.application.images.listDeleted),
  );

  app.post(
    `${API_ROOT}/images/:image/undelete`,
    {
      schema: { params: imageParamsSchema, response: { 200: imageSchema } },
      config: {
        summary: 'Brings a deleted image back as it was',
        errors: [...FINDING, 'IMAGE_STATE', 'IMAGE_DAMAGED', 'QUOTA_EXCEEDED'],
      },
    },
    ({ application, params }) => application.images.undelete(params.image),
  );

  app.delete(
    `${RECYCLED}/:image`,
    {
      schema: { params: imageParamsSchema, response: { 204: nothingSchema } },
      config: { summary: 'Deletes for good what was deleted before', errors: FINDING },
    },
    async ({ application, params }, reply) => {
      await application.images.purge(params.image);
      return reply.code(204).send(null);
    },
  );
}
